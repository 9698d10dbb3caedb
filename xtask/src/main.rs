//! The project's entry command: `cargo xtask <ci|test|lint|instructions|bench>`.
//!
//! The same steps run here and in continuous integration: `.ci/run` takes those of `cargo xtask ci` one by one.

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
  instructions  count the instructions of each path, and compare with what was recorded;
                with --record, record them
  bench         measure everything, beside other crates, and rewrite docs/performance.md;
                with --quick, measure briefly and leave the page alone;
                with --page, rewrite it from the last results

With CI=true, a part that had to be left out is a failure.";

/// What went wrong, as the person at the terminal should read it.
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
        ["bench", "--page"] => bench::show_results(),
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

/// Goes on whatever was found, so that one round tells everything.
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

/// Whether a part that cannot run must fail the run.
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
