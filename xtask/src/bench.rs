//! `cargo xtask bench`: every measurement, and the page that shows them.
//!
//! The programs are those of the workspace in `bench`; each leaves its figures as JSON in `bench/target/results`, and
//! what is written is made of these. Short runs are kept apart, in `bench/target/results/quick`, with a page of their
//! own: their figures are not to be quoted, and never reach `docs`.

mod figures;
mod json;
mod machine;
mod page;
mod part;
mod plot;
mod table;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use self::part::{Outcome, PARTS, Part};
use crate::shell::{cargo, root, run as run_command};
use crate::{Failure, instructions, is_ci};

/// What is given to measure.
const COMMAND: &str = "cargo xtask bench";

/// Takes every measurement, then rewrites the figures in `docs/performance.md` and the plot beside it; with `quick`,
/// briefly, and writes to the folder of results instead. Goes on whatever fails, and shows what it has.
///
/// # Errors
///
/// When nothing can be built, or when a measurement fails; in continuous integration also when one is left out.
pub(crate) fn run(quick: bool) -> Result<(), Failure> {
    let target = target();
    let results = results(&target, quick);
    fs::create_dir_all(&results).map_err(|error| format!("{}: {error}", results.display()))?;
    build(&target)?;
    machine::keep(&results)?;

    let mut failures = Vec::new();
    let mut outcomes = Vec::new();
    for part in &PARTS {
        let outcome = part.take(&target, &results, quick);
        match &outcome {
            Outcome::Taken(_) => {}
            Outcome::LeftOut(reason) => {
                println!("left out: {}; {reason}", part.what);
                failures.extend(is_ci().then(|| format!("{} left out; {reason}", part.what)));
            }
            Outcome::Failed(failure) => {
                println!("{failure}");
                failures.push(format!("{}: {failure}", part.what));
            }
        }
        outcomes.push((part, outcome));
    }
    failures.extend(instructions::check().err());
    failures.extend(show(&outcomes, &results, quick).err());
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

/// Rewrites the page and its plot from the last results.
///
/// # Errors
///
/// When there are none.
pub(crate) fn show_results() -> Result<(), Failure> {
    let results = results(&target(), false);
    let outcomes: Vec<_> = PARTS
        .iter()
        .map(|part| (part, part.kept(&results)))
        .collect();
    if outcomes.iter().all(|(_, outcome)| !outcome.is_taken()) {
        return Err(format!(
            "no results in {}: run `{COMMAND}`",
            results.display()
        ));
    }
    show(&outcomes, &results, false)
}

/// Writes the page and the plot; what is quick stays with its results.
fn show(outcomes: &[(&Part, Outcome)], results: &Path, quick: bool) -> Result<(), Failure> {
    let docs = root().join("docs");
    let (page, folder) = (
        docs.join("performance.md"),
        if quick { results } else { &docs },
    );
    page::write(
        &page,
        &folder.join("performance.md"),
        &figures::of(outcomes, &machine::kept(results), quick)?,
    )?;
    plot::write(outcomes, &folder.join("performance.svg"))?;
    println!("page and plot: {}", folder.display());
    Ok(())
}

fn results(target: &Path, quick: bool) -> PathBuf {
    target.join(if quick { "results/quick" } else { "results" })
}

/// The folder that the bench workspace is built into: its own, unless the user has chosen another.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("bench/target"), |chosen| root().join(chosen))
}

/// Builds each package by itself, so that none gets the features that another asks of their dependencies; and all of
/// them first, so that nothing is measured on a core that compiling has just heated.
fn build(target: &Path) -> Result<(), Failure> {
    for package in part::packages() {
        let mut command = cargo(["build", "--manifest-path=bench/Cargo.toml", "--release"]);
        if is_ci() {
            // At a desk the lock file may well be in the middle of a change.
            command.arg("--locked");
        }
        command.args(["--bins", "--package", package]);
        run_command(command.env("CARGO_TARGET_DIR", target))?;
    }
    Ok(())
}
