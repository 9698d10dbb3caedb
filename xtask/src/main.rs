//! The project's entry command: `cargo xtask <ci|test|lint|instructions|bench>`.
//!
//! Continuous integration runs the same steps: `.ci/run` runs those of `cargo xtask ci` one by one.

mod apt;
mod bench;
mod deny;
mod features;
mod instructions;
mod lint;
mod needs;
mod node;
mod python;
mod shell;
mod test;
mod totals;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <COMMAND>

  ci            lint, then test, then instructions
  lint          formatting, clippy, documentation, every set of features, dependencies
  test          set up what the tests need, then run them all
  instructions  count the instructions of each path, and compare them with the recorded counts;
                with --record, record them
  bench         measure everything, beside other crates, and rewrite docs/performance.md;
                with --quick, measure briefly and print the figures instead

With CI=true, a part that cannot run is a failure.";

/// An error message for the terminal.
type Failure = String;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => ci(),
        ["lint"] => lint::run(),
        ["test"] => test::run(),
        ["instructions"] => instructions::check(),
        ["instructions", "--record"] => instructions::record(),
        ["bench"] => bench::run(false),
        ["bench", "--quick"] => bench::run(true),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every step even if one fails, so that one run reports everything.
fn ci() -> Result<(), Failure> {
    let failures: Vec<Failure> = [lint::run(), test::run(), instructions::check()]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

/// Whether a part that cannot run is a failure.
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
