//! The fields of a JSON object, read without serde, whose errors repeat the value: it may be an API key.

use jiff::Timestamp;
use portcullis_core::{clock::UnixTime, log::escape};
use serde_json::{Map, Value};

/// The fields that are not read yet.
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, String> {
        let value = self.optional(name, expected, convert)?;
        value.ok_or_else(|| format!("`{name}` is missing: add it"))
    }

    /// `null` is as good as a missing field.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let converted = convert(value);
                converted
                    .map(Some)
                    .ok_or_else(|| format!("`{name}` must be {expected}"))
            }
        }
    }

    /// Leaves out a field that `portcullis keys list --json` prints, and that the store sets itself.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.0.remove(*name);
        }
    }

    /// Rejects fields that were not read. The value of a misspelt field would be lost.
    pub(super) fn reject_unknown(&self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!(
                "unknown field `{}`: correct or remove it",
                escape(name)
            )),
        }
    }
}

pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

pub(super) fn texts(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.into_iter().map(text).collect(),
        _ => None,
    }
}

/// Texts, or one text of several, separated by spaces.
pub(super) fn words(value: Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(text.split_ascii_whitespace().map(str::to_owned).collect()),
        value => texts(value),
    }
}

pub(super) fn time(value: Value) -> Option<UnixTime> {
    let timestamp: Timestamp = value.as_str()?.parse().ok()?;
    let millis = u64::try_from(timestamp.as_millisecond()).ok()?;
    Some(UnixTime::from_duration(std::time::Duration::from_millis(
        millis,
    )))
}
