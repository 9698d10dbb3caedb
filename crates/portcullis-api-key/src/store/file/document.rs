//! The content of a key file.
//!
//! ```toml
//! count = 1     # the number of keys, so that a truncated file is detected; may be left out
//! version = 1
//!
//! [[keys]]
//! id = "4fXq0ZbT9kLm"
//! digest = "sha256:…"
//! prefix = "portcullis"
//! owner = "billing"
//! scopes = ["orders:read"]
//! created_at = 2026-01-31T12:00:00Z
//! expires_at = 2027-01-31T12:00:00Z   # or "never"
//! revision = 1
//! # revoked_at = 2026-06-01T00:00:00Z
//! # successor = "…"
//! ```

use std::collections::HashMap;

use serde::Serialize;
use toml::de::{DeArray, DeTable, DeValue};

use super::{
    entry::{self, Entry},
    fields::{Fields, Mistake, integer},
};
use crate::{format::ApiKeyId, record::KeyRecord};

const VERSION: i64 = 1;

/// The most problems that are reported. Finding the line of each takes a pass over the text.
const MAX_PROBLEMS: usize = 100;

const HEAD: &str = "\
# API keys, written by `portcullis keys`. Only digests are stored, not the keys.
# Comments are lost when the file is next written.
";

/// Reads the text of a key file. One malformed entry makes the whole file malformed: an unreadable entry may be the
/// revocation of a key.
pub(super) fn parse(text: &str) -> Result<Vec<KeyRecord>, Vec<String>> {
    let line = |at: usize| {
        let before = text.as_bytes().iter().take(at);
        1 + before.filter(|byte| **byte == b'\n').count()
    };
    let describe = |Mistake { at, problem }| format!("line {}: {problem}", line(at));
    let (entries, truncated) = read_top_level(text).map_err(|mistake| vec![describe(mistake)])?;
    let mut records = Vec::with_capacity(entries.len());
    let mut problems = Vec::new();
    let mut seen: HashMap<ApiKeyId, usize> = HashMap::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let start = entry.span().start;
        let mut name = format!("number {}", index + 1);
        let read = match entry.into_inner() {
            DeValue::Table(table) => {
                if let Some(id) = entry::id(&table) {
                    name = id.to_string();
                }
                entry::read(table, start)
            }
            _ => Err(Mistake::new(start, "a key must be a [[keys]] table")),
        };
        let read = read.and_then(|record| match seen.insert(record.id, start) {
            None => Ok(record),
            Some(first) => {
                let first = line(first);
                let problem = format!("the key is there twice: first in line {first}");
                Err(Mistake::new(start, problem))
            }
        });
        match read {
            Ok(record) => records.push(record),
            Err(Mistake { at, problem }) => {
                problems.push(format!("line {}, key {name}: {problem}", line(at)));
            }
        }
        if problems.len() == MAX_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() {
        problems.extend(truncated.map(describe));
    }
    match problems.is_empty() {
        true => Ok(records),
        false => Err(problems),
    }
}

/// The entries, and the mistake to report if some are missing.
fn read_top_level(text: &str) -> Result<(DeArray<'_>, Option<Mistake>), Mistake> {
    let table = DeTable::parse(text).map_err(|error| {
        Mistake::new(error.span().map_or(0, |span| span.start), error.message())
    })?;
    let mut table = table.into_inner();
    let keys = table.remove("keys");
    let keys_at = keys.as_ref().map_or(0, |keys| keys.span().start);
    let entries = match keys.map(|keys| keys.into_inner()) {
        None => DeArray::new(),
        Some(DeValue::Array(entries)) => entries,
        Some(_) => return Err(Mistake::new(keys_at, "`keys` must be [[keys]] tables")),
    };
    let count_at = table.get("count").map_or(0, |count| count.span().start);
    let mut fields = Fields { table, start: 0 };
    let count = fields.optional("count", "the number of keys", integer)?;
    let expected_version = "1: a newer portcullis may have written the file";
    let version = fields.optional("version", expected_version, |value| {
        integer(value).filter(|version| *version == VERSION)
    })?;
    if version.is_none() {
        let problem = "`version = 1` is missing: the file is not a key file, or is truncated";
        return Err(Mistake::new(0, problem));
    }
    fields.reject_unknown()?;
    let truncated = count.and_then(|count| check_count(count, entries.len(), text));
    Ok((entries, truncated.map(|text| Mistake::new(count_at, text))))
}

/// Detects a truncated file.
fn check_count(count: i64, found: usize, text: &str) -> Option<String> {
    if i64::try_from(found) != Ok(count) {
        return Some(format!(
            "`count` is {count}, and the file holds {found} keys: was it cut short? After an edit by hand, correct `count` \
             or remove it"
        ));
    }
    // The last number in the file may have lost digits.
    (!text.ends_with('\n')).then(|| {
        "the last line has no line break, so the file may be cut short: restore the file, or end the line".to_owned()
    })
}

/// Writes a key file.
pub(super) fn render(records: &[KeyRecord]) -> String {
    #[derive(Serialize)]
    struct Document {
        /// First: a file cut just after it lacks `version`.
        count: usize,
        version: i64,
        keys: Vec<Entry>,
    }

    let document = Document {
        count: records.len(),
        version: VERSION,
        keys: records.iter().map(Entry::new).collect(),
    };
    let text = toml::to_string(&document).expect("every value has a TOML form");
    format!("{HEAD}{text}")
}

#[cfg(test)]
mod tests;
