//! Prints what authentication costs a service over HTTP/1.1, under the load of `wrk`.
//!
//! Three services differ in their middleware alone: bare axum, the suite, and its fastest rival. Each is a process with
//! one thread on core 0; `wrk` loads one at a time from core 1, with one token. Each round takes each service once.

mod load;
mod server;

use std::{env, error::Error};

use portcullis_bench_common::{SCOPES, Table, grouped, is_quick, median};
use portcullis_test::{SigningAlgorithm, TestIssuer};
use tokio::runtime::Builder;

use load::{Phase, Running};
use server::{KINDS, serve};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", kind, issuer, algorithm] => serve(kind, issuer, algorithm),
        _ => compare(),
    }
}

fn compare() -> Result<(), Box<dyn Error>> {
    let (rounds, seconds) = if is_quick() { (1, 1) } else { (8, 2) };
    println!("### HTTP/1.1 on loopback\n");
    println!(
        "64 connections of `wrk`, one token again and again; medians of {rounds} rounds of {seconds} s. `wrk` uses about \
         as much of its core as the bare service of its own, so that requests per second understate differences; the \
         processor time of the service does not.\n"
    );
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    for algorithm in [SigningAlgorithm::RS256, SigningAlgorithm::ES256] {
        let issuer = runtime.block_on(TestIssuer::builder().algorithm(algorithm).start())?;
        let lifetime = std::time::Duration::from_hours(4);
        let token = issuer.token().scope(SCOPES).expires_in(lifetime).mint();
        let services = KINDS
            .into_iter()
            .map(|kind| Running::start(kind, &issuer.url(), algorithm.as_str()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut phases: Vec<Vec<Phase>> = KINDS.map(|_| Vec::new()).into();
        for round in 0..rounds {
            for position in 0..services.len() {
                let at = (round + position) % services.len();
                phases[at].push(services[at].load(&token, seconds)?);
            }
        }
        println!("{algorithm}:\n");
        print(&phases);
    }
    Ok(())
}

fn print(phases: &[Vec<Phase>]) {
    let headings = [
        "",
        "requests/s",
        "of bare",
        "p50 µs",
        "p99 µs",
        "CPU µs/request",
    ];
    let mut table = Table::new(1, &headings);
    let of = |at: usize, figure: fn(&Phase) -> f64| median(phases[at].iter().map(figure));
    for (at, kind) in KINDS.into_iter().enumerate() {
        let requests = of(at, |phase| phase.requests_per_second);
        let bare = of(0, |phase| phase.requests_per_second);
        table.row([
            kind.to_owned(),
            grouped(requests),
            format!("{:.3}", requests / bare),
            grouped(of(at, |phase| phase.p50)),
            grouped(of(at, |phase| phase.p99)),
            format!("{:.2}", of(at, |phase| phase.cpu_per_request)),
        ]);
    }
    println!("{table}");
}
