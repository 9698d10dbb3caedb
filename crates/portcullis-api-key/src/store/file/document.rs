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
//! ```
//!
//! These fields may be left out:
//!
//! ```toml
//! name = "nightly invoices"
//! tags = ["batch", "eu"]
//! networks = ["192.0.2.0/24"]
//! limit = { requests = 100, period_ms = 60000, burst = 20 } # without a burst, as many as in a period
//! revoked_at = 2026-06-01T00:00:00Z
//! revoke_reason = "leaked"
//! successor = "…"
//! foreign = true
//! idempotency = ["…", "…"]
//! ```

use std::collections::HashMap;

use toml::de::{DeArray, DeTable, DeValue};

use super::{
    fields::{Fields, Mistake, integer},
    table,
};
use crate::{format::ApiKeyId, record::KeyRecord};

pub(super) const VERSION: i64 = 1;

/// The most problems that are reported: to find the line of a problem takes a pass over the text.
const MAX_PROBLEMS: usize = 100;

/// Reads the text of a key file. One malformed entry makes the whole file malformed, since that entry may revoke a key.
pub(super) fn parse(text: &str) -> Result<Vec<KeyRecord>, Vec<String>> {
    let line = |at| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let describe = |(at, problem): Mistake| format!("line {}: {problem}", line(at));
    let (entries, truncated) = read_top_level(text).map_err(|mistake| vec![describe(mistake)])?;
    let mut records = Vec::with_capacity(entries.len());
    let mut problems = Vec::new();
    let mut seen: HashMap<ApiKeyId, usize> = HashMap::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let start = entry.span().start;
        let mut name = format!("number {}", index + 1);
        let read = match entry.into_inner() {
            DeValue::Table(table) => {
                if let Some(id) = table::id(&table) {
                    name = id.to_string();
                }
                table::read_entry(table, start)
            }
            _ => Err((start, "write each key as a [[keys]] table".to_owned())),
        };
        let read = read.and_then(|record| match seen.insert(record.id, start) {
            None => Ok(record),
            Some(first) => {
                let first = line(first);
                let problem = format!("line {first} has a key of this id too: keep the revoked one, or the one with the higher `revision`");
                Err((start, problem))
            }
        });
        match read {
            Ok(record) => records.push(record),
            Err((at, problem)) => {
                problems.push(format!("line {}, key {name}: {problem}", line(at)));
            }
        }
        if problems.len() == MAX_PROBLEMS {
            break;
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    match truncated {
        Some(truncated) => Err(vec![describe(truncated)]),
        None => Ok(records),
    }
}

/// The entries of a file, and the mistake if the file seems truncated. Mistakes in the entries are reported instead of it,
/// since they say more.
fn read_top_level(text: &str) -> Result<(DeArray<'_>, Option<Mistake>), Mistake> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (at, error.message().to_owned())
    })?;
    let mut table = table.into_inner();
    let keys = table.remove("keys");
    let keys_at = keys.as_ref().map_or(0, |keys| keys.span().start);
    let entries = match keys.map(|keys| keys.into_inner()) {
        None => DeArray::new(),
        Some(DeValue::Array(entries)) => entries,
        Some(_) => return Err((keys_at, "`keys` must be [[keys]] tables".to_owned())),
    };
    let count_at = table.get("count").map_or(0, |count| count.span().start);
    let mut fields = Fields { table, start: 0 };
    let count = fields.optional("count", "the number of keys", integer)?;
    let expected_version = "1, the only version that this portcullis reads: a newer one may have written the file, so update this one";
    let version = fields.optional("version", expected_version, |value| {
        integer(value).filter(|version| *version == VERSION)
    })?;
    if version.is_none() {
        let problem = "`version = 1` is missing, so the file is empty, cut short or no key file: correct the path, or restore it";
        return Err((0, problem.to_owned()));
    }
    fields.reject_unknown()?;
    let truncated = count.and_then(|count| check_count(count, entries.len(), text));
    Ok((entries, truncated.map(|problem| (count_at, problem))))
}

/// Why the file seems truncated.
fn check_count(count: i64, found: usize, text: &str) -> Option<String> {
    if i64::try_from(found) != Ok(count) {
        return Some(format!(
            "`count` is {count}, but the file has {found} keys, so it may be cut short: restore it from a backup or, after an \
             edit by hand, correct `count` or remove it"
        ));
    }
    // A file ends with the number of its last key's revision. Cut within that number, the last line is still valid TOML.
    (!text.ends_with('\n')).then(|| {
        "the last line has no line break, so the file may be cut short: restore the file, or end the line".to_owned()
    })
}

#[cfg(all(test, unix))]
mod tests;
