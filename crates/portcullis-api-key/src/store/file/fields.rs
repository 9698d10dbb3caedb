//! The fields of a TOML table.
//!
//! They are read by hand, because serde's errors repeat the value, which may be a key in the wrong place.

use std::str::FromStr;

use portcullis_core::log::escape;
use toml::de::{DeTable, DeValue};

/// A mistake at an offset in the text.
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) problem: String,
}

impl Mistake {
    pub(super) fn new(at: usize, problem: impl Into<String>) -> Self {
        Self {
            at,
            problem: problem.into(),
        }
    }
}

pub(super) struct Fields<'t> {
    pub(super) table: DeTable<'t>,
    /// Where the table begins.
    pub(super) start: usize,
}

impl Fields<'_> {
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Result<T, Mistake> {
        let missing = Mistake::new(self.start, format!("`{name}` is missing"));
        self.optional(name, expected, convert)?.ok_or(missing)
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Result<Option<T>, Mistake> {
        let Some(value) = self.table.remove(name) else {
            return Ok(None);
        };
        let problem = || Mistake::new(value.span().start, format!("`{name}` must be {expected}"));
        convert(value.get_ref()).map(Some).ok_or_else(problem)
    }

    /// Rejects misspelt names, whose value would be lost.
    pub(super) fn reject_unknown(&self) -> Result<(), Mistake> {
        match self.table.iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let problem = format!("unknown field `{}`", escape(name.get_ref()));
                Err(Mistake::new(name.span().start, problem))
            }
        }
    }
}

pub(super) fn parsed<T: FromStr>(value: &DeValue<'_>) -> Option<T> {
    value.as_str()?.parse().ok()
}

pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    number
        .as_str()
        .parse()
        .ok()
        .filter(|_| number.radix() == 10)
}
