//! What a credential on a call costs with a token at hand: nanoseconds over the client without, all in one run.

use std::{error::Error, time::Duration};

use portcullis_bench_client::{Contender, Options, entries, missing_json, notes, print_missing};
use portcullis_bench_harness::{Contender as Timed, Turns, run};
use serde::Serialize;
use serde_json::json;
use tokio::runtime::Builder;

#[derive(Serialize)]
struct Timing {
    contender: &'static str,
    /// The median of nanoseconds a call.
    ns: f64,
    /// The median of what that is over the bare client of the same round; absent for that one.
    over_bare: Option<f64>,
    /// That, as a multiple of the suite's.
    ratio: Option<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let (entries, missing) = entries(&runtime, &options);
    let mut timed: Vec<Timed> = entries
        .iter()
        .map(|entry| entry.target.timed(entry.contender.name()))
        .collect();
    let (rounds, milliseconds) = if options.quick { (25, 1) } else { (200, 4) };
    let turns = Turns::new(rounds, Duration::from_millis(milliseconds));
    run(&mut timed, turns);

    let position = |wanted| entries.iter().position(|entry| entry.contender == wanted);
    let bare = position(Contender::Bare).map(|at| &timed[at]);
    let over_bare = |timed: &Timed| bare.map(|bare| timed.over(bare));
    let suite = position(Contender::Suite).and_then(|at| over_bare(&timed[at]));
    let rows: Vec<Timing> = entries
        .iter()
        .zip(&timed)
        .map(|(entry, timed)| {
            let is_bare = entry.contender == Contender::Bare;
            let over_bare = over_bare(timed).filter(|_| !is_bare);
            Timing {
                contender: entry.contender.name(),
                ns: timed.nanoseconds(),
                over_bare,
                ratio: over_bare.zip(suite).map(|(over, suite)| over / suite),
            }
        })
        .collect();

    println!("{:22} {:>9} {:>11} {:>9}", "", "ns", "over bare", "× suite");
    for row in &rows {
        let number = |value: Option<f64>, digits: usize| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "–".to_owned(),
        };
        let (over, ratio) = (number(row.over_bare, 1), number(row.ratio, 2));
        println!("{:22} {:>9.1} {over:>11} {ratio:>9}", row.contender, row.ns);
    }
    print_missing(&missing);
    for contender in Contender::TIMED {
        println!("{}: {}", contender.name(), contender.note());
    }
    options.write(&json!({
        "quick": options.quick,
        "timings": rows,
        "missing": missing_json(&missing),
        "contenders": notes(&Contender::TIMED),
    }))?;
    Ok(())
}
