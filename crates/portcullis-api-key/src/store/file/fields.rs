//! Reads the fields of a table without serde, whose errors repeat the value: it may be an API key that someone pasted there.

use std::str::FromStr;

use portcullis_core::{clock::UnixTime, log::escape};
use toml::de::{DeTable, DeValue};

use super::time;

/// A byte offset in the text, and what is wrong there.
pub(super) type Mistake = (usize, String);

pub(super) struct Fields<'t> {
    pub(super) table: DeTable<'t>,
    pub(super) start: usize,
}

impl Fields<'_> {
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Result<T, Mistake> {
        let value = self.optional(name, expected, convert)?;
        value.ok_or_else(|| (self.start, format!("`{name}` is missing: add it")))
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
        let mistake = || (value.span().start, format!("`{name}` must be {expected}"));
        convert(value.get_ref()).map(Some).ok_or_else(mistake)
    }

    /// Rejects fields that were not read. The value of a misspelt field would be lost.
    pub(super) fn reject_unknown(&self) -> Result<(), Mistake> {
        match self.table.iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let name_shown = escape(name.get_ref());
                let problem = format!("unknown field `{name_shown}`: correct or remove it");
                Err((name.span().start, problem))
            }
        }
    }
}

pub(super) fn parsed<T: FromStr>(value: &DeValue<'_>) -> Option<T> {
    value.as_str()?.parse().ok()
}

pub(super) fn text(value: &DeValue<'_>) -> Option<Box<str>> {
    value.as_str().map(Into::into)
}

/// A list of texts, each converted.
pub(super) fn list<T, C: FromIterator<T>>(
    value: &DeValue<'_>,
    convert: impl Fn(&str) -> Option<T>,
) -> Option<C> {
    let items = value.as_array()?.iter();
    items
        .map(|item| convert(item.get_ref().as_str()?))
        .collect()
}

pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    number
        .as_str()
        .parse()
        .ok()
        .filter(|_| number.radix() == 10)
}

pub(super) fn as_time(value: &DeValue<'_>) -> Option<UnixTime> {
    time::from_toml(value.as_datetime()?)
}
