//! `cargo xtask instructions`: counts the instructions of each path, and compares them with the recorded counts.
//!
//! Counts do not vary between runs or with the load of the machine. They depend on the target, and a little on the
//! releases of the compiler, valgrind and the C library, which the record names. See `bench/instructions`.

mod counts;
mod runner;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use self::counts::{Counts, Environment};
use crate::shell::{answers, cargo, output, root, show};
use crate::{Failure, is_ci, needs};

/// The command that records new counts.
pub(crate) const RECORD: &str = "cargo xtask instructions --record";

/// Counts, and compares with the record.
///
/// # Errors
///
/// Lists the paths that take more than recorded. In continuous integration it is also an error if counting is not
/// possible.
pub(crate) fn check() -> Result<(), Failure> {
    let recorded = read()?;
    match is_comparable(&recorded) {
        Ok(()) => {}
        Err(advice) if is_ci() => return Err(format!("cannot count instructions: {advice}")),
        Err(advice) => {
            println!("left out: instruction counts; {advice}");
            return Ok(());
        }
    }
    let counted = count()?;
    println!("{}", counted.table(&recorded));
    let findings = counted.compare(&recorded);
    for note in &findings.notes {
        println!("{note}");
    }
    if findings.failures.is_empty() {
        Ok(())
    } else {
        Err(findings.failures.join("\n"))
    }
}

/// Counts, and records the result.
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

/// The recorded counts as a section of `docs/performance.md`.
///
/// # Errors
///
/// When there is no record.
pub(crate) fn recorded() -> Result<String, Failure> {
    Ok(read()?.markdown())
}

fn read() -> Result<Counts, Failure> {
    let text = fs::read_to_string(record_file())
        .map_err(|error| format!("cannot read the record: {error}; make it with `{RECORD}`"))?;
    Counts::parse(&text)
}

fn record_file() -> PathBuf {
    root().join("bench/instructions/counts.tsv")
}

/// Fails if this machine's counts cannot be compared with the record.
fn is_comparable(recorded: &Counts) -> Result<(), Failure> {
    let host = rustc("host")?;
    let other = &recorded.environment.host;
    if *other != host {
        return Err(format!("they were recorded on {other}, and this is {host}"));
    }
    needs::valgrind()
}

fn count() -> Result<Counts, Failure> {
    let environment = Environment {
        host: rustc("host")?,
        rustc: rustc("release")?,
        valgrind: output(Command::new("valgrind").arg("--version"))?,
        libc: libc(),
    };
    let mut command = cargo(["bench", "--manifest-path=bench/Cargo.toml"]);
    if is_ci() {
        // At a desk the lock file may be in the middle of a change.
        command.arg("--locked");
    }
    command.args([
        "--package=portcullis-bench-instructions",
        "--bench=instructions",
        "--",
        "--output-format=json",
    ]);
    command
        .env("GUNGRAUN_RUNNER", runner::install()?)
        // Containers cannot switch address randomisation off; the counts do not depend on it.
        .env("GUNGRAUN_ALLOW_ASLR", "yes");
    show(&command);
    let summaries = output(&mut command)?;
    let lines = summaries.lines().filter(|line| !line.is_empty());
    let counted: Result<Vec<_>, _> = lines
        .map(|line| {
            summary(line).ok_or_else(|| format!("gungraun's summary has another form: {line}"))
        })
        .collect();
    Counts::new(environment, counted?)
}

/// Reads one line of gungraun's output: the name of a benchmark, and its instructions.
fn summary(line: &str) -> Option<(String, u64)> {
    let summary: Value = serde_json::from_str(line).ok()?;
    let name = summary["function_name"].as_str()?;
    let name = match summary["id"].as_str() {
        Some(id) => format!("{name} {id}"),
        None => name.to_owned(),
    };
    let total = &summary["profiles"][0]["data"]["total"];
    Some((name, total["metrics"]["Ir"]["values"]["new"].as_u64()?))
}

/// A property from `rustc -vV`.
fn rustc(property: &str) -> Result<String, Failure> {
    let about = output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    let value = |line: &str| Some(line.strip_prefix(property)?.strip_prefix(": ")?.to_owned());
    about
        .lines()
        .find_map(value)
        .ok_or_else(|| format!("`rustc -vV` does not name its {property}"))
}

fn libc() -> String {
    let variable = "GNU_LIBC_VERSION";
    if answers("getconf", &[variable]) {
        output(Command::new("getconf").arg(variable)).unwrap_or_default()
    } else {
        "unknown".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_a_name_and_a_count() {
        let line = r#"{"function_name":"jwt_cold","id":"rs256","profiles":[{"data":{"total":
            {"metrics":{"Ir":{"values":{"new":700,"old":600}}}}}}]}"#;
        assert_eq!(summary(line), Some(("jwt_cold rs256".to_owned(), 700)));
        assert_eq!(summary(r#"{"function_name":"floor","profiles":[]}"#), None);
        assert_eq!(summary("error"), None);
    }
}
