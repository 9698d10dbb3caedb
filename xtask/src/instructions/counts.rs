//! Counts of instructions, kept as lines of a name, a tab and a number.

use std::collections::BTreeMap;
use std::fmt;

use super::RECORD;
use crate::Failure;

/// What each path took, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) made: Made,
    pub(super) instructions: BTreeMap<String, u64>,
}

/// Where counts were made. On another host they are others; the rest moves them a little.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) host: String,
    pub(super) rustc: String,
    pub(super) valgrind: String,
    pub(super) libc: String,
}

impl Counts {
    /// Adds what the suite itself takes to verify a token: all of it less the check of the signature, which would
    /// otherwise hide a change many times its size.
    ///
    /// # Errors
    ///
    /// When a check of a signature by itself was not counted, or took more than all.
    pub(super) fn new(
        made: Made,
        counted: impl IntoIterator<Item = (String, u64)>,
    ) -> Result<Self, Failure> {
        let mut instructions: BTreeMap<String, u64> = counted.into_iter().collect();
        let mut own = BTreeMap::new();
        for (name, cold) in &instructions {
            if let Some(token) = name.strip_prefix("jwt_cold ") {
                let raw = instructions.get(&format!("jwt_raw {token}"));
                let less = raw.and_then(|raw| cold.checked_sub(*raw));
                let less =
                    less.ok_or_else(|| format!("{name} is not more than jwt_raw {token}"))?;
                own.insert(format!("jwt_cold_less_raw {token}"), less);
            }
        }
        instructions.append(&mut own);
        Ok(Self { made, instructions })
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    ///
    /// Names the line that cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let mut made = Made::default();
        let mut instructions = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                match comment.split_once(": ") {
                    Some(("host", value)) => value.clone_into(&mut made.host),
                    Some(("rustc", value)) => value.clone_into(&mut made.rustc),
                    Some(("valgrind", value)) => value.clone_into(&mut made.valgrind),
                    Some(("libc", value)) => value.clone_into(&mut made.libc),
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
        Ok(Self { made, instructions })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Made {
            host,
            rustc,
            valgrind,
            libc,
        } = &self.made;
        writeln!(
            f,
            "# Instructions a call takes, as `{RECORD}` counted them."
        )?;
        writeln!(
            f,
            "# host: {host}\n# rustc: {rustc}\n# valgrind: {valgrind}\n# libc: {libc}"
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

    #[test]
    fn what_is_written_is_read() {
        let counted = [("floor", 600), ("jwt_raw rs256", 3)];
        let counted = counted.map(|(name, count)| (name.to_owned(), count));
        let made = Made {
            host: "x86_64-unknown-linux-gnu".to_owned(),
            rustc: "1.95.0".to_owned(),
            valgrind: "valgrind-3.19.0".to_owned(),
            libc: "glibc 2.36".to_owned(),
        };
        let written = Counts::new(made, counted).unwrap();
        assert_eq!(Counts::parse(&written.to_string()), Ok(written));
        assert!(Counts::parse("floor 600").is_err());
    }

    #[test]
    fn the_suites_share_needs_the_signature_alone() {
        let cold = ("jwt_cold rs256".to_owned(), 100);
        let raw = |count| ("jwt_raw rs256".to_owned(), count);
        let own = Counts::new(Made::default(), [cold.clone(), raw(90)]).unwrap();
        assert_eq!(own.instructions["jwt_cold_less_raw rs256"], 10);
        assert!(Counts::new(Made::default(), [cold.clone(), raw(101)]).is_err());
        assert!(Counts::new(Made::default(), [cold]).is_err());
    }
}
