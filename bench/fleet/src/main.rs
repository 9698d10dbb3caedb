//! API keys for several instances of a service: `revocations`, `spray`, `slow` or `million`; all without an argument.
//! `--quick` measures briefly.
//!
//! Each prints a Markdown table. The servers are private ones, as in the tests.

mod client;
mod delay;
mod instances;
mod million;
mod revocations;
mod slow;
mod spray;
mod traffic;

use std::error::Error;
use std::time::Duration;

/// What ends the program is shown.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let chosen = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let quick = portcullis_bench_common::is_quick();
    println!("### API keys for several instances");
    for name in ["revocations", "spray", "slow", "million"] {
        if chosen.as_ref().is_some_and(|chosen| chosen != name) {
            continue;
        }
        let table = match name {
            "revocations" => revocations::measure(quick).await?,
            "spray" => spray::measure(quick).await?,
            "slow" => slow::measure(quick).await?,
            _ => million::measure(quick).await?,
        };
        println!("\n{table}");
    }
    Ok(())
}

/// The value that this share of the sorted values does not exceed.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let place = ((sorted.len() as f64 * share).ceil() as usize).max(1) - 1;
    sorted[place.min(sorted.len() - 1)]
}

/// Milliseconds with two digits.
fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
