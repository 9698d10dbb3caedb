//! What every contender's check costs: nanoseconds over the service without it, all of them in one run.

use std::time::{Duration, Instant};

use portcullis_bench_harness::{Contender, Turns, run};
use portcullis_bench_rivals::{
    Load, Options, Rival, Site,
    contenders::RAW,
    report::{self, Timing},
    rivals,
    rows::{Entry, Missing, baselines, entries},
    runs::{self, ALGORITHMS, ROTATION, Traffic},
    with_several_issuers,
};
use portcullis_jwt::Algorithm;
use serde_json::json;

#[expect(
    clippy::disallowed_methods,
    reason = "a stopwatch, not the time of day"
)]
fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let started = Instant::now();
    let mut rows: Vec<Timing> = Vec::new();
    let mut missing = Vec::new();
    for algorithm in ALGORITHMS {
        let site = Site::start(algorithm);
        let tokens = site.mint(runs::tokens(algorithm, &options));
        for traffic in Traffic::ALL {
            let (mut contenders, absent) = entries(&site, &rivals(), &options);
            let load = traffic.load(&tokens);
            for entry in &mut contenders {
                traffic.show(entry, &load);
            }
            let name = traffic.of(algorithm);
            let with_load = contenders.into_iter().map(|entry| (entry, load.clone()));
            rows.extend(measure(&name, with_load.collect(), traffic, &options));
            if traffic == Traffic::Hot {
                missing.extend(absent);
            }
        }
    }
    rows.extend(measure(
        "no tokens",
        runs::keys(&options),
        Traffic::Hot,
        &options,
    ));
    rows.extend(refusals(&options, &mut missing));
    report::print_summary(&rows);
    println!();
    report::print_missing(&missing);
    for rival in rivals().iter().chain(&with_several_issuers()) {
        println!("{}: {}", rival.name(), rival.note());
    }
    println!("took {:.0} s", started.elapsed().as_secs_f64());
    let value = json!({
        "quick": options.quick,
        "timings": rows,
        "missing": report::missing_json(&missing),
        "contenders": notes(rivals().into_iter().chain(with_several_issuers())),
    });
    options.write(&value)
}

/// Times these, beside the services that they are measured over.
fn measure(
    name: &str,
    contenders: Vec<(Entry, Load)>,
    traffic: Traffic,
    options: &Options,
) -> Vec<Timing> {
    let Some((_, load)) = contenders.first() else {
        return Vec::new();
    };
    let load = load.clone();
    let (entries, loads): (Vec<_>, Vec<_>) = contenders.into_iter().unzip();
    let bare = baselines(&entries);
    let loads = bare.iter().map(|_| load.clone()).chain(loads);
    let all: Vec<_> = bare.iter().chain(&entries).collect();
    let mut timed: Vec<Contender> = all
        .iter()
        .zip(loads)
        .map(|(entry, load)| entry.target.contender(entry.name.to_owned(), load))
        .collect();
    let mut turns = match traffic {
        _ if options.quick => Turns::new(25, Duration::from_millis(1)),
        Traffic::Distinct => Turns::new(100, Duration::from_millis(2)),
        Traffic::Hot | Traffic::Rotation => Turns::new(120, Duration::from_millis(4)),
    };
    match traffic {
        Traffic::Hot => {}
        // All of them once, for whoever remembers them: each contender does so in a place of its own, and there are many. Others
        // are too slow for that, and have nothing of it.
        Traffic::Rotation => turns.ahead = ROTATION,
        // So that no token comes twice, and nobody has all of them pass through the processor's caches.
        Traffic::Distinct => turns.most = 128,
    }
    run(&mut timed, turns);
    let rows = report::timings(name, &all, &timed);
    report::print_timings(name, &rows);
    rows
}

/// What it costs to say no.
fn refusals(options: &Options, missing: &mut Vec<Missing>) -> Vec<Timing> {
    let site = Site::start(Algorithm::ES256);
    let everyone: Vec<_> = rivals().into_iter().chain(with_several_issuers()).collect();
    let mut rows = Vec::new();
    for (name, load) in runs::refused(&site) {
        let (mut contenders, absent) = entries(&site, &everyone, options);
        missing.extend(absent);
        // Only those that refuse it have a price for that, the signature alone is no verdict, and one way is
        // enough.
        let headers = runs::first(&load);
        let mut names = Vec::new();
        contenders.retain_mut(|entry| {
            let is_first_way = !names.contains(&entry.name);
            names.push(entry.name);
            is_first_way
                && entry.name != RAW
                && !entry.target.verdict(&site.runtime, &headers).is_accepted()
        });
        let contenders = contenders.into_iter().map(|entry| (entry, load.clone()));
        rows.extend(measure(name, contenders.collect(), Traffic::Hot, options));
    }
    rows
}

fn notes(rivals: impl IntoIterator<Item = Box<dyn Rival>>) -> serde_json::Value {
    let rivals = rivals.into_iter();
    rivals
        .map(|rival| json!({ "name": rival.name(), "note": rival.note() }))
        .collect()
}
