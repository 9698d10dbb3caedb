//! What every contender does when there is no token at hand, or soon none: many callers at once, the end of a token, an
//! issuer that fails.

use std::{error::Error, panic, time::Instant};

use portcullis_bench_client::{
    Absent, Contender, Missing, Options,
    behaviour::{Cold, Effort, FAULTS, Outage, Outcomes, Renewal, cold, outage, renewal},
    missing_json, notes, print_missing,
};
use serde_json::json;
use tokio::{runtime::Builder, task::JoinSet};

#[derive(Default)]
struct Results {
    cold: Vec<Cold>,
    renewals: Vec<Renewal>,
    outages: Vec<Outage>,
    missing: Vec<Missing>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let started = Instant::now();
    panic::set_hook(Box::new(|_| {})); // one that panics is told in the tables
    let wanted: Vec<_> = Contender::WATCHED
        .into_iter()
        .filter(|contender| contender.is_wanted(&options))
        .collect();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let effort = Effort::new(options.quick);
    let mut results = Results::default();
    runtime.block_on(measure(&wanted, effort, &mut results));
    results.print();
    for contender in Contender::WATCHED {
        println!("{}: {}", contender.name(), contender.note());
    }
    println!("took {:.0} s", started.elapsed().as_secs_f64());
    options.write(&json!({
        "quick": options.quick,
        "callers": effort.callers,
        "lifetime": effort.lifetime.as_secs_f64(),
        "patience": effort.patience.as_secs_f64(),
        "timeout": effort.timeout.as_secs_f64(),
        "cold": results.cold,
        "renewals": results.renewals,
        "outages": results.outages,
        "missing": missing_json(&results.missing),
        "contenders": notes(&Contender::WATCHED),
    }))?;
    Ok(())
}

async fn measure(wanted: &[Contender], effort: Effort, results: &mut Results) {
    for contender in wanted {
        for half_leave in [false, true] {
            match cold(*contender, effort, half_leave).await {
                Ok(cold) => results.cold.push(cold),
                Err(absent) => results.miss(*contender, absent),
            }
        }
    }
    // These mostly wait. One contender after the other begins, so that their calls do not come all at once.
    let mut renewals = JoinSet::new();
    let mut outages = JoinSet::new();
    for (at, contender) in wanted.iter().copied().enumerate() {
        let delay = effort.spread * u32::try_from(at).unwrap_or_default();
        renewals.spawn(async move {
            tokio::time::sleep(delay).await;
            (at, contender, renewal(contender, effort).await)
        });
        for (row, fault) in FAULTS.into_iter().enumerate() {
            outages.spawn(async move {
                tokio::time::sleep(delay).await;
                ((row, at), contender, outage(contender, fault, effort).await)
            });
        }
    }
    let mut renewals = renewals.join_all().await;
    renewals.sort_by_key(|(at, ..)| *at);
    for (_, contender, renewal) in renewals {
        match renewal {
            Ok(renewal) => results.renewals.push(renewal),
            Err(absent) => results.miss(contender, absent),
        }
    }
    let mut outages = outages.join_all().await;
    outages.sort_by_key(|(at, ..)| *at);
    for (_, contender, outage) in outages {
        match outage {
            Ok(outage) => results.outages.push(outage),
            Err(absent) => results.miss(contender, absent),
        }
    }
}

impl Results {
    fn miss(&mut self, contender: Contender, Absent(reason): Absent) {
        self.missing.push(Missing { contender, reason });
    }

    fn print(&self) {
        println!(
            "{:18} {:>9} {:>9} {:>9} {:>9}",
            "cold", "callers", "left", "sent", "requests"
        );
        for row in &self.cold {
            println!(
                "{:18} {:>9} {:>9} {:>9} {:>9}",
                row.contender, row.callers, row.left, row.sent, row.requests
            );
        }
        println!(
            "\n{:18} {:>9} {:>9} {:>11} {:>9} {:>9} {:>9}",
            "renewal", "calls", "failed", "least left", "expired", "waited", "requests"
        );
        for row in &self.renewals {
            println!(
                "{:18} {:>9} {:>9} {:>9.2} s {:>9} {:>9} {:>9}",
                row.contender,
                row.calls,
                row.failed,
                row.least_left,
                row.expired,
                row.waited,
                row.requests
            );
        }
        let mut fault = "";
        for row in &self.outages {
            if row.fault != fault {
                fault = row.fault;
                println!("\n{fault}");
            }
            println!(
                "  {:16} live: {} ({:.0} ms); after: {}; {} requests, {} in all; cold: {}",
                row.contender,
                counts(&row.live),
                row.live_ms,
                counts(&row.after),
                row.requests,
                row.requests_in_all,
                row.cold
            );
            for error in &row.errors {
                println!("    {}", error.escape_debug());
            }
        }
        println!();
        print_missing(&self.missing);
    }
}

fn counts(outcomes: &Outcomes) -> String {
    let outcomes: Vec<_> = outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    outcomes.join(", ")
}
