//! `cargo xtask instructions`: how many instructions each path of the suite takes, against what was recorded.
//!
//! Unlike times, the counts do not vary from run to run or with what else the machine does. They do depend on the
//! target, and a little on the releases of the compiler, valgrind and the C library: the record names all four.
//! `bench/instructions` says what is counted, and what else may move the counts.

mod counts;
mod runner;
mod verdict;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use self::counts::{Counts, Made};
use crate::shell::{answers, cargo, output, root, show};
use crate::{Failure, is_ci, needs};

/// What is given to learn the counts anew.
pub(crate) const RECORD: &str = "cargo xtask instructions --record";

/// Counts, and compares with the record.
///
/// # Errors
///
/// Lists the paths that take more than was recorded; or says what went wrong, in continuous integration also that
/// counting is not possible here.
pub(crate) fn check() -> Result<(), Failure> {
    let recorded = Counts::parse(&fs::read_to_string(record_file()).map_err(|error| {
        format!("cannot read what was recorded: {error}; make it with `{RECORD}`")
    })?)?;
    match possible(&recorded) {
        Ok(()) => {}
        Err(advice) if is_ci() => return Err(format!("cannot count instructions: {advice}")),
        Err(advice) => {
            println!("left out: the counts of instructions; {advice}");
            return Ok(());
        }
    }
    let counted = count()?;
    println!("{}", counted.beside(&recorded));
    let found = counted.against(&recorded);
    for note in &found.notes {
        println!("{note}");
    }
    if found.failures.is_empty() {
        Ok(())
    } else {
        Err(found.failures.join("\n"))
    }
}

/// Counts, and keeps that as the record.
///
/// # Errors
///
/// When counting is not possible here, or fails.
pub(crate) fn record() -> Result<(), Failure> {
    needs::valgrind()?;
    let counted = count()?;
    fs::write(record_file(), counted.to_string()).map_err(|error| error.to_string())?;
    print!("{counted}");
    Ok(())
}

fn record_file() -> PathBuf {
    root().join("bench/instructions/counts.tsv")
}

/// Whether counts of this machine can be compared with the record.
fn possible(recorded: &Counts) -> Result<(), Failure> {
    let host = rustc("host")?;
    if recorded.made.host != host {
        let other = &recorded.made.host;
        return Err(format!("they were recorded on {other}, and this is {host}"));
    }
    needs::valgrind()
}

fn count() -> Result<Counts, Failure> {
    let made = Made {
        host: rustc("host")?,
        rustc: rustc("release")?,
        valgrind: output(Command::new("valgrind").arg("--version"))?,
        libc: libc(),
    };
    let mut command = cargo(["bench", "--manifest-path=bench/Cargo.toml"]);
    if is_ci() {
        // At a desk the lock file may well be in the middle of a change.
        command.arg("--locked");
    }
    command.args([
        "--package=portcullis-bench-instructions",
        "--bench=instructions",
        "--",
        "--output-format=json",
    ]);
    command
        .env("GUNGRAUN_RUNNER", runner::provide()?)
        // Containers may not choose where the program lies in memory; it makes no difference to the counts.
        .env("GUNGRAUN_ALLOW_ASLR", "yes");
    show(&command);
    Counts::new(made, summaries(&output(&mut command)?)?)
}

/// Reads a summary a line: the name of what was counted, and its instructions.
fn summaries(lines: &str) -> Result<Vec<(String, u64)>, Failure> {
    let summary = |line: &str| {
        let summary: Value = serde_json::from_str(line).ok()?;
        let name = summary["function_name"].as_str()?;
        let name = match summary["id"].as_str() {
            Some(id) => format!("{name} {id}"),
            None => name.to_owned(),
        };
        let total = &summary["profiles"][0]["data"]["total"];
        let instructions = total["metrics"]["Ir"]["values"]["new"].as_u64()?;
        Some((name, instructions))
    };
    let lines = lines.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            summary(line).ok_or_else(|| format!("gungraun's summary has changed its form: {line}"))
        })
        .collect()
}

/// What `rustc -vV` says of itself.
fn rustc(property: &str) -> Result<String, Failure> {
    let about = output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    let of = |line: &str| Some(line.strip_prefix(property)?.strip_prefix(": ")?.to_owned());
    about
        .lines()
        .find_map(of)
        .ok_or_else(|| format!("`rustc -vV` names no {property}"))
}

fn libc() -> String {
    let question = "GNU_LIBC_VERSION";
    if answers("getconf", &[question]) {
        output(Command::new("getconf").arg(question)).unwrap_or_default()
    } else {
        "unknown".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read() {
        let line = r#"{"function_name":"jwt_cold","id":"rs256","profiles":[{"data":{"total":{"metrics":{"Ir":{"values":
            {"new":700,"old":600}}}}}}]}"#;
        let line = line.replace('\n', "");
        assert_eq!(
            summaries(&line),
            Ok(vec![("jwt_cold rs256".to_owned(), 700)])
        );
    }

    #[test]
    fn a_summary_without_counts_is_an_error() {
        assert!(summaries(r#"{"function_name":"floor","profiles":[]}"#).is_err());
        assert!(summaries("error").is_err());
    }
}
