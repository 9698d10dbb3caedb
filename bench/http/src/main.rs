//! What authentication costs a service over HTTP/1.1.
//!
//! Four services that differ in their middleware alone: bare axum, axum with a layer that knows the one token that comes and
//! nothing else, with this suite, and with the fastest rival. Each is a process of its own with one thread, all of them on core 0. One at a time is loaded from core 1,
//! with a token that repeats. A round takes each service once, in an order that rotates; what is reported are ratios
//! within rounds.
//!
//! The load is made by `wrk`, or with `--load own` by `generator.rs`, which is as good as `wrk` for this and takes less
//! time for a request: one core of `wrk` is no faster than bare axum on another, which flatters whatever is compared.
//!
//! ```console
//! $ apt-get install wrk
//! $ cd bench && cargo run --release -p portcullis-bench-http -- --json http.json
//! ```

mod generator;
mod issuer;
mod load;
mod measure;
mod options;
mod probe;
mod process;
mod report;
mod server;
mod service;
mod statistics;

use std::{error::Error, process::ExitCode};

use options::{Command, Options};
use portcullis_test::SigningAlgorithm;

fn main() -> ExitCode {
    let result = match options::command() {
        Ok(Command::Serve(service)) => server::serve(&service),
        Ok(Command::Load(load)) => generator::generate(&load),
        Ok(Command::Measure(options)) => measure(&options),
        Err(problem) => Err(problem.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<(), Box<dyn Error>> {
    load::check_tools(options.generator)?;
    let mut results = Vec::new();
    for algorithm in [SigningAlgorithm::RS256, SigningAlgorithm::ES256] {
        let rounds = measure::measure(algorithm, options)?;
        let result = report::Report::new(&algorithm.to_string(), options.generator, &rounds);
        print!("{result}");
        results.push(result);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, report::json(options.generator, &results).to_string())?;
    }
    Ok(())
}
