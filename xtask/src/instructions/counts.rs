//! Instruction counts, and their comparison with the recorded ones.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::RECORD;
use crate::Failure;

/// The largest accepted increase, in percent.
const TOLERANCE: f64 = 5.0;

/// The instructions of each path, and the environment they were counted in. Kept as lines of name, tab and number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) environment: Environment,
    instructions: BTreeMap<String, u64>,
}

/// What counts depend on: entirely on the host, a little on the rest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    pub(super) host: String,
    pub(super) rustc: String,
    pub(super) valgrind: String,
    pub(super) libc: String,
}

/// The result of a comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) failures: Vec<Failure>,
    pub(super) notes: Vec<String>,
}

impl Counts {
    /// Adds `jwt_cold_less_raw`, the cost of a new token without its signature check, which would hide changes.
    ///
    /// # Errors
    ///
    /// If a signature check was not counted, or takes more than the whole.
    pub(super) fn new(
        environment: Environment,
        counted: impl IntoIterator<Item = (String, u64)>,
    ) -> Result<Self, Failure> {
        let mut instructions: BTreeMap<String, u64> = counted.into_iter().collect();
        let mut less_raw = BTreeMap::new();
        for (name, cold) in &instructions {
            if let Some(algorithm) = name.strip_prefix("jwt_cold ") {
                let raw = instructions.get(&format!("jwt_raw {algorithm}"));
                let less = raw
                    .and_then(|raw| cold.checked_sub(*raw))
                    .ok_or_else(|| format!("{name} is not more than jwt_raw {algorithm}"))?;
                less_raw.insert(format!("jwt_cold_less_raw {algorithm}"), less);
            }
        }
        instructions.append(&mut less_raw);
        Ok(Self {
            environment,
            instructions,
        })
    }

    /// Reads the form that [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    ///
    /// Names the line that cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let mut environment = Environment::default();
        let mut instructions = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                match comment.split_once(": ") {
                    Some(("host", value)) => value.clone_into(&mut environment.host),
                    Some(("rustc", value)) => value.clone_into(&mut environment.rustc),
                    Some(("valgrind", value)) => value.clone_into(&mut environment.valgrind),
                    Some(("libc", value)) => value.clone_into(&mut environment.libc),
                    _ => {}
                }
                continue;
            }
            let (name, count) = line
                .split_once('\t')
                .and_then(|(name, count)| Some((name, count.parse().ok()?)))
                .ok_or_else(|| format!("not a recorded count: {line:?}"))?;
            instructions.insert(name.to_owned(), count);
        }
        Ok(Self {
            environment,
            instructions,
        })
    }

    /// These counts beside the recorded ones, for the terminal.
    pub(super) fn table(&self, recorded: &Self) -> String {
        let mut table = format!("{:32}{:>12}{:>12}", "instructions", "now", "recorded");
        for (name, now) in &self.instructions {
            let _ = write!(table, "\n{name:32}{now:>12}");
            if let Some(before) = recorded.instructions.get(name) {
                let _ = write!(table, "{before:>12}  {:+.1} %", percent(*now, *before));
            }
        }
        table
    }

    /// These counts as Markdown.
    pub(super) fn markdown(&self) -> String {
        let Environment {
            host,
            rustc,
            valgrind,
            libc,
        } = &self.environment;
        let mut section = format!(
            "### Instructions\n\nOf one call each, counted by callgrind ({host}, rustc {rustc}, {valgrind}, {libc}). \
             `floor` is the bare service, `jwt_raw` the signature check alone, `jwt_cold_less_raw` a new token without \
             its signature check.\n\n| path | instructions |\n|---|---:|\n"
        );
        for (name, count) in &self.instructions {
            let _ = writeln!(section, "| {name} | {count} |");
        }
        section
    }

    /// Fails for every path that takes over [`TOLERANCE`] more than recorded.
    pub(super) fn compare(&self, recorded: &Self) -> Findings {
        let mut findings = Findings::default();
        for (name, now) in &self.instructions {
            let Some(before) = recorded.instructions.get(name) else {
                let failure = format!("{name} is not in the record: run `{RECORD}`");
                findings.failures.push(failure);
                continue;
            };
            let change = percent(*now, *before);
            if change > TOLERANCE {
                findings.failures.push(format!(
                    "{name} takes {now} instructions, {change:.1} % more than the {before} recorded"
                ));
            } else if change < -TOLERANCE {
                findings.notes.push(format!(
                    "note: {name} takes {now} instructions, {:.1} % less than the {before} recorded: run `{RECORD}`",
                    -change
                ));
            }
        }
        let mut old = recorded.instructions.keys();
        findings.failures.extend(
            old.by_ref()
                .filter(|name| !self.instructions.contains_key(*name))
                .map(|name| format!("{name} is in the record but was not counted: run `{RECORD}`")),
        );
        if !findings.failures.is_empty() {
            findings
                .failures
                .push(format!("if the increase is intended, run `{RECORD}`"));
            let (now, before) = (&self.environment, &recorded.environment);
            for (name, now, before) in [
                ("rustc", &now.rustc, &before.rustc),
                ("valgrind", &now.valgrind, &before.valgrind),
                ("libc", &now.libc, &before.libc),
            ] {
                if now != before {
                    findings.failures.push(format!(
                        "part of it may come from {name}: recorded with {before}, counted with {now}"
                    ));
                }
            }
        }
        findings
    }
}

/// The change from `before`, in percent.
fn percent(now: u64, before: u64) -> f64 {
    (now as f64 - before as f64) * 100.0 / before.max(1) as f64
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Environment {
            host,
            rustc,
            valgrind,
            libc,
        } = &self.environment;
        writeln!(
            f,
            "# Instructions per call, as counted by `{RECORD}`.\n# host: {host}\n# rustc: {rustc}\n\
             # valgrind: {valgrind}\n# libc: {libc}"
        )?;
        for (name, count) in &self.instructions {
            writeln!(f, "{name}\t{count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rustc: &str, counted: &[(&str, u64)]) -> Counts {
        let environment = Environment {
            host: "x86_64-unknown-linux-gnu".to_owned(),
            rustc: rustc.to_owned(),
            ..Environment::default()
        };
        let counted = counted
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        Counts::new(environment, counted).unwrap()
    }

    #[test]
    fn written_counts_are_read_back() {
        let written = counts("1.95.0", &[("floor", 600), ("jwt_raw rs256", 3)]);
        assert_eq!(Counts::parse(&written.to_string()), Ok(written));
        assert!(Counts::parse("floor 600").is_err());
    }

    #[test]
    fn a_signature_check_must_be_counted_and_be_less_than_the_whole() {
        let new = |counted: &[(&str, u64)]| {
            let counted = counted
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count));
            Counts::new(Environment::default(), counted)
        };
        assert!(new(&[("jwt_cold rs256", 100)]).is_err());
        assert!(new(&[("jwt_cold rs256", 100), ("jwt_raw rs256", 101)]).is_err());
    }

    #[test]
    fn an_increase_is_not_hidden_by_the_signature_check() {
        let raw = ("jwt_raw rs256", 90_000);
        let before = counts("1.95.0", &[("jwt_cold rs256", 100_000), raw]);
        let after = counts("1.95.0", &[("jwt_cold rs256", 101_000), raw]);
        let failures = after.compare(&before).failures;
        assert!(
            failures[0]
                .starts_with("jwt_cold_less_raw rs256 takes 11000 instructions, 10.0 % more")
        );
        assert_eq!(failures.len(), 2);
    }

    #[test]
    fn an_increase_fails_and_a_decrease_is_noted() {
        let recorded = counts("1.95.0", &[("floor", 1000)]);
        let compared = |count| counts("1.95.0", &[("floor", count)]).compare(&recorded);
        assert_eq!(compared(1050), Findings::default());
        assert_eq!(compared(950), Findings::default());
        assert!(compared(1051).failures[0].contains("5.1 % more than the 1000"));
        assert!(compared(949).notes[0].contains(RECORD));
        assert!(compared(949).failures.is_empty());
    }

    #[test]
    fn another_compiler_is_named_beside_a_failure() {
        let recorded = counts("1.94.0", &[("floor", 1000)]);
        let failures = counts("1.95.0", &[("floor", 2000)])
            .compare(&recorded)
            .failures;
        let last = failures.last().unwrap();
        assert!(last.contains("recorded with 1.94.0, counted with 1.95.0"));
        let unchanged = counts("1.95.0", &[("floor", 1000)]).compare(&recorded);
        assert_eq!(unchanged, Findings::default());
    }

    #[test]
    fn added_and_removed_paths_fail() {
        let failures = counts("1.95.0", &[("one", 1)]).compare(&counts("1.95.0", &[("other", 1)]));
        assert!(failures.failures[0].starts_with("one is not in the record"));
        assert!(failures.failures[1].starts_with("other is in the record"));
    }
}
