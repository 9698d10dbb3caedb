//! Sums of the test runner's totals.

use std::fmt;
use std::ops::AddAssign;

/// The numbers of tests that passed, failed and did not run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Totals {
    /// Reads the last line of a test binary; `None` for any other line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
        let mut totals = Self::default();
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => totals.passed = number.parse().ok()?,
                Some((number, "failed")) => totals.failed = number.parse().ok()?,
                Some((number, "ignored" | "filtered out")) => {
                    totals.skipped += number.parse::<u64>().ok()?
                }
                _ => {}
            }
        }
        Some(totals)
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_read_and_summed() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.07s";
        let mut totals = Totals::parse(line).unwrap();
        assert_eq!(
            totals,
            Totals {
                passed: 12,
                failed: 3,
                skipped: 5
            }
        );
        totals += Totals {
            passed: 1,
            failed: 0,
            skipped: 0,
        };
        assert_eq!(totals.to_string(), "13 passed, 3 failed, 5 skipped");
    }

    #[test]
    fn other_lines_are_ignored() {
        for line in [
            "",
            "running 3 tests",
            "test result",
            "test a::passed ... ok",
            "12 passed; 0 failed",
        ] {
            assert_eq!(Totals::parse(line), None, "{line}");
        }
    }
}
