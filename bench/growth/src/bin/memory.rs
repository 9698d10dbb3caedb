//! How much memory an API key takes in a `MemoryStore`: bytes asked of the allocator, and resident ones.

use std::{error::Error, fs, iter};

use allocation_counter::measure;
use portcullis_api_key::{ApiKeys, IssuedKey, MemoryStore};
use portcullis_bench_growth::{
    cases::assert_accepted,
    keys::{issue, records, texts},
    options::Options,
};
use portcullis_bench_suite::{Bare, with_key};
use portcullis_core::AuthenticateLayer;
use serde_json::json;
use tower::Layer;

/// How many keys are used once, to see what that adds.
const USED: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read()?;
    let mut sizes = vec![1_000, 10_000, 100_000, 1_000_000];
    if options.quick {
        sizes.pop();
    }
    let mut rows = Vec::new();
    println!("Memory of a key with an owner of 23 bytes and 3 scopes of 38 bytes, unused");
    for size in sizes {
        let store = MemoryStore::new();
        let before = resident()?;
        let counted = measure(|| store.insert(records(size)).expect("ids that differ"));
        let resident = resident()?.saturating_sub(before) as f64 / size as f64;
        let bytes = counted.bytes_current as f64 / size as f64;
        let blocks = counted.count_current as f64 / size as f64;
        println!(
            "  {size:9} keys: {bytes:6.0} bytes allocated in {blocks:4.1} blocks, {resident:6.0} bytes resident, a key"
        );
        rows.push(json!({
            "keys": size,
            "allocated_bytes_per_key": bytes,
            "allocated_blocks_per_key": blocks,
            "resident_bytes_per_key": resident,
        }));
    }
    let used = used();
    println!("  used once, a key takes {used:.0} bytes more: its principal");
    options.write(&json!({ "memory": rows, "bytes_more_per_used_key": used }))
}

/// What the first use of a key adds to it.
fn used() -> f64 {
    let keys: Vec<IssuedKey> = iter::repeat_with(issue).take(USED).collect();
    let store = MemoryStore::new();
    let kept = keys.iter().map(|key| key.record().clone());
    store.insert(kept).expect("ids that differ");
    let mut service = AuthenticateLayer::new(ApiKeys::new(store)).layer(Bare);
    let texts = texts(&keys);
    let counted = measure(|| {
        for text in &texts {
            assert_accepted(&mut service, with_key(text));
        }
    });
    counted.bytes_current as f64 / USED as f64
}

/// The resident bytes of this process. What the allocator keeps for later is among them.
fn resident() -> Result<usize, Box<dyn Error>> {
    let pages: usize = fs::read_to_string("/proc/self/statm")?
        .split(' ')
        .nth(1)
        .ok_or("statm has another form")?
        .parse()?;
    Ok(pages * rustix::param::page_size())
}
