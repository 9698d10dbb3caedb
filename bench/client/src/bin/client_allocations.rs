//! What every contender allocates for one call with a token at hand, beside the client without.

use std::error::Error;

use allocation_counter::AllocationInfo;
use portcullis_bench_client::{Contender, Options, Target, entries, missing_json, print_missing};
use serde::Serialize;
use serde_json::json;
use tokio::runtime::Builder;

/// Calls that the average is over.
const CALLS: u64 = 256;
/// Calls made before, until whatever grows has grown.
const GROWING: u64 = 16;

#[derive(Serialize)]
struct Allocations {
    contender: &'static str,
    /// A call.
    count: f64,
    bytes: f64,
    count_over_bare: Option<f64>,
    bytes_over_bare: Option<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let (mut entries, missing) = entries(&runtime, &options);
    let mut bare = None;
    let mut rows = Vec::new();
    println!(
        "{:22} {:>8} {:>8} {:>11} {:>8}",
        "", "allocs", "bytes", "over bare", "bytes"
    );
    for entry in &mut entries {
        let (count, bytes) = count(entry.target.as_mut());
        if entry.contender == Contender::Bare {
            bare = Some((count, bytes));
        }
        let over = bare.filter(|_| entry.contender != Contender::Bare);
        let row = Allocations {
            contender: entry.contender.name(),
            count,
            bytes,
            count_over_bare: over.map(|(bare, _)| count - bare),
            bytes_over_bare: over.map(|(_, bare)| bytes - bare),
        };
        let text =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
        println!(
            "{:22} {count:>8.1} {bytes:>8.0} {:>11} {:>8}",
            row.contender,
            text(row.count_over_bare),
            text(row.bytes_over_bare),
        );
        rows.push(row);
    }
    print_missing(&missing);
    options.write(&json!({ "allocations": rows, "missing": missing_json(&missing) }))?;
    Ok(())
}

/// Allocations and bytes a call.
fn count(target: &mut dyn Target) -> (f64, f64) {
    let mut total = AllocationInfo::default();
    for call in 0..CALLS + GROWING {
        let mut one = AllocationInfo::default();
        target.watched(&mut |call| one = allocation_counter::measure(call));
        if call >= GROWING {
            total.count_total += one.count_total;
            total.bytes_total += one.bytes_total;
        }
    }
    let calls = CALLS as f64;
    (
        total.count_total as f64 / calls,
        total.bytes_total as f64 / calls,
    )
}
