//! Counts beside those that were recorded, and what to think of it.

use std::fmt::Write as _;

use super::RECORD;
use super::counts::{Counts, Made};
use crate::Failure;

/// How far, in percent, a count may be from what was recorded.
const TOLERANCE: f64 = 5.0;

/// What a comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) failures: Vec<Failure>,
    pub(super) notes: Vec<String>,
}

impl Counts {
    /// A table of both.
    pub(super) fn beside(&self, recorded: &Self) -> String {
        let mut table = format!("{:32}{:>12}{:>12}", "instructions", "now", "recorded");
        for (name, now) in &self.instructions {
            // Writing to a string does not fail.
            let _ = write!(table, "\n{name:32}{now:>12}");
            if let Some(before) = recorded.instructions.get(name) {
                let _ = write!(table, "{before:>12}  {:+.1} %", change(*now, *before));
            }
        }
        table
    }

    /// Judges these counts by those that were recorded.
    pub(super) fn against(&self, recorded: &Self) -> Found {
        let mut found = Found::default();
        for (name, now) in &self.instructions {
            let Some(before) = recorded.instructions.get(name) else {
                found
                    .failures
                    .push(format!("{name} was not recorded: run `{RECORD}`"));
                continue;
            };
            let change = change(*now, *before);
            if change > TOLERANCE {
                found.failures.push(format!(
                    "{name} takes {now} instructions, {change:.1} % more than the {before} recorded"
                ));
            } else if change < -TOLERANCE {
                found.notes.push(format!(
                    "note: {name} takes {now} instructions, {:.1} % less than the {before} recorded: keep that with \
                     `{RECORD}`",
                    -change
                ));
            }
        }
        for name in recorded.instructions.keys() {
            if !self.instructions.contains_key(name) {
                found.failures.push(format!(
                    "{name} was recorded and is not counted any more: run `{RECORD}`"
                ));
            }
        }
        if !found.failures.is_empty() {
            found.failures.push(format!(
                "where more is meant to be done, record that: `{RECORD}`"
            ));
            found
                .failures
                .extend(self.made.differs_from(&recorded.made));
        }
        found
    }
}

/// In percent of what was before.
fn change(now: u64, before: u64) -> f64 {
    // Counts are far below 2^52.
    (now as f64 - before as f64) * 100.0 / before.max(1) as f64
}

impl Made {
    fn differs_from(&self, recorded: &Self) -> Option<String> {
        let pairs = [
            ("rustc", &self.rustc, &recorded.rustc),
            ("valgrind", &self.valgrind, &recorded.valgrind),
            ("libc", &self.libc, &recorded.libc),
        ];
        let others: Vec<String> = pairs
            .iter()
            .filter(|(_, here, there)| here != there)
            .map(|(what, here, there)| format!("{what} was {there} and is {here}"))
            .collect();
        (!others.is_empty()).then(|| {
            format!(
                "some of it may not be the suite's doing, as the record was made elsewhere: {}",
                others.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rustc: &str, counted: &[(&str, u64)]) -> Counts {
        let made = Made {
            host: "x86_64-unknown-linux-gnu".to_owned(),
            rustc: rustc.to_owned(),
            ..Made::default()
        };
        let counted = counted
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        Counts::new(made, counted).unwrap()
    }

    #[test]
    fn a_signature_hides_no_change() {
        let before = counts(
            "1.95.0",
            &[("jwt_cold rs256", 100_000), ("jwt_raw rs256", 90_000)],
        );
        let after = counts(
            "1.95.0",
            &[("jwt_cold rs256", 101_000), ("jwt_raw rs256", 90_000)],
        );
        let Found { failures, .. } = after.against(&before);
        assert!(
            failures[0]
                .starts_with("jwt_cold_less_raw rs256 takes 11000 instructions, 10.0 % more"),
            "{failures:?}"
        );
        assert_eq!(failures.len(), 2);
    }

    #[test]
    fn more_fails_and_less_is_noted() {
        let recorded = counts("1.95.0", &[("floor", 1000)]);
        let judged = |count| counts("1.95.0", &[("floor", count)]).against(&recorded);
        assert_eq!(judged(1050), Found::default());
        assert_eq!(judged(950), Found::default());
        assert!(
            judged(1051).failures[0].contains("takes 1051 instructions, 5.1 % more than the 1000")
        );
        assert!(judged(949).notes[0].contains(RECORD));
        assert!(judged(949).failures.is_empty());
    }

    #[test]
    fn another_compiler_is_mentioned_and_does_not_excuse() {
        let recorded = counts("1.94.0", &[("floor", 1000)]);
        let failures = counts("1.95.0", &[("floor", 2000)])
            .against(&recorded)
            .failures;
        assert!(
            failures
                .last()
                .unwrap()
                .contains("rustc was 1.94.0 and is 1.95.0")
        );
        let unchanged = counts("1.95.0", &[("floor", 1000)]).against(&recorded);
        assert_eq!(unchanged, Found::default());
    }

    #[test]
    fn paths_that_come_or_go_are_recorded_first() {
        let one = counts("1.95.0", &[("one", 1)]);
        let other = counts("1.95.0", &[("other", 1)]);
        let failures = one.against(&other).failures;
        assert!(failures[0].starts_with("one was not recorded"));
        assert!(failures[1].starts_with("other was recorded and is not counted"));
    }
}
