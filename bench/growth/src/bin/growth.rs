//! What a request costs as things become many.

use std::error::Error;

use portcullis_bench_growth::{
    cases::Effort, issuers, key_set, keys, options::Options, scopes, threads,
};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read()?;
    let effort = Effort::new(options.quick);
    let mut sections = Vec::new();
    for measure in [
        keys::measure,
        issuers::measure,
        key_set::measure,
        scopes::measure,
    ] {
        let growth = measure(effort);
        println!("{growth}");
        sections.push(growth.json());
    }
    let threads = threads::measure(effort);
    println!("{threads}");
    options.write(&json!({ "growth": sections, "threads": threads.json() }))
}
