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
    error::FileProblem,
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
pub(super) fn parse(text: &str) -> Result<Vec<KeyRecord>, Vec<FileProblem>> {
    let line = |at: usize| {
        let before = text.as_bytes().iter().take(at);
        1 + before.filter(|byte| **byte == b'\n').count()
    };
    let problem = |key: Option<String>, Mistake { at, problem }| FileProblem {
        line: line(at),
        key,
        problem,
    };
    let (entries, count) = read_head(text).map_err(|mistake| vec![problem(None, mistake)])?;
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
            _ => Err(Mistake::new(
                start,
                "a key must be written as a [[keys]] table",
            )),
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
            Err(mistake) => problems.push(problem(Some(name), mistake)),
        }
        if problems.len() == MAX_PROBLEMS {
            break;
        }
    }
    if problems.is_empty()
        && let Some((at, count)) = count
    {
        let truncated = check_count(count, records.len(), text);
        problems.extend(truncated.map(|text| problem(None, Mistake::new(at, text))));
    }
    match problems.is_empty() {
        true => Ok(records),
        false => Err(problems),
    }
}

/// The entries, and `count` with its position.
fn read_head(text: &str) -> Result<(DeArray<'_>, Option<(usize, i64)>), Mistake> {
    let table = DeTable::parse(text).map_err(|error| {
        Mistake::new(error.span().map_or(0, |span| span.start), error.message())
    })?;
    let mut table = table.into_inner();
    let entries = match table
        .remove("keys")
        .map(|keys| (keys.span().start, keys.into_inner()))
    {
        None => DeArray::new(),
        Some((_, DeValue::Array(entries))) => entries,
        Some((at, _)) => {
            return Err(Mistake::new(
                at,
                "`keys` must be written as [[keys]] tables",
            ));
        }
    };
    let count_at = table.get("count").map_or(0, |count| count.span().start);
    let mut fields = Fields { table, start: 0 };
    let count = fields.optional("count", "the number of keys", integer)?;
    let newer = "1: a newer portcullis may have written the file";
    let version = fields.optional("version", newer, |value| {
        integer(value).filter(|version| *version == VERSION)
    })?;
    if version.is_none() {
        let problem = "`version = 1` is missing: the file is not a key file, or is truncated";
        return Err(Mistake::new(0, problem));
    }
    fields.reject_unknown()?;
    Ok((entries, count.map(|count| (count_at, count))))
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

/// Writes a key file. `None` when the time of a record cannot be written as RFC 3339.
pub(super) fn render(records: &[KeyRecord]) -> Option<String> {
    #[derive(Serialize)]
    struct Document {
        /// Before the required fields, so that a file that ends early is rejected.
        count: usize,
        version: i64,
        keys: Vec<Entry>,
    }

    let document = Document {
        count: records.len(),
        version: VERSION,
        keys: records.iter().map(Entry::new).collect::<Option<_>>()?,
    };
    Some(format!("{HEAD}{}", toml::to_string(&document).ok()?))
}

#[cfg(test)]
mod tests {
    use portcullis_core::{ScopeSet, UnixTime};

    use super::*;
    use crate::NewKey;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    const ENTRY: &str = r#"version = 1

[[keys]]
id = "4fXq0ZbT9kLm"
digest = "sha256:4bf5d10291372cf316a37a5edb59185ac3eb5cc06d082df78e60b8c210af10af"
prefix = "acme"
owner = "billing"
scopes = ["orders:read"]
created_at = 2026-01-31T12:00:00Z
expires_at = "never"
revision = 1
"#;

    fn problems(text: &str) -> Vec<String> {
        let problems = parse(text).expect_err("malformed");
        problems.iter().map(FileProblem::to_string).collect()
    }

    #[test]
    fn written_records_are_read_back() {
        let record = |new: NewKey| new.issue(NOW, None).expect("issued").record().clone();
        let plain = record(NewKey::new("Zürich \"x\" \\ ]]").scopes(ScopeSet::parse("r w")));
        let revoked = record(NewKey::new("b").never_expires()).revoked(NOW);
        let mut rotated = record(NewKey::new("c"));
        rotated.successor = Some(plain.id);
        let records = vec![plain, revoked, rotated];
        let text = render(&records).expect("in range");
        assert_eq!(parse(&text), Ok(records));
        assert_eq!(parse(&render(&[]).expect("nothing")), Ok(Vec::new()));
    }

    #[test]
    fn malformed_entry_is_reported_with_its_line() {
        for (from, to, problem) in [
            ("billing", "", "line 7, key 4fXq0ZbT9kLm: the owner must"),
            (
                "\"billing\"",
                "7",
                "line 7, key 4fXq0ZbT9kLm: `owner` must be text",
            ),
            (
                "4fXq0ZbT9kLm",
                "4fXq0ZbT9kL",
                "line 4, key number 1: `id` must be",
            ),
            (
                "sha256:",
                "sha1:",
                "line 5, key 4fXq0ZbT9kLm: `digest` must be",
            ),
            (
                "\"acme\"",
                "\"ACME\"",
                "line 6, key 4fXq0ZbT9kLm: `prefix` must be",
            ),
            (
                "orders:read",
                "orders read",
                "line 8, key 4fXq0ZbT9kLm: `scopes` must be",
            ),
            (
                "[\"orders:read\"]",
                "\"a\"",
                "line 8, key 4fXq0ZbT9kLm: `scopes` must be",
            ),
            (
                "12:00:00Z",
                "12:00:00",
                "line 9, key 4fXq0ZbT9kLm: `created_at` must be",
            ),
            (
                "\"never\"",
                "\"later\"",
                "line 10, key 4fXq0ZbT9kLm: `expires_at` must be",
            ),
            (
                "\"never\"",
                "1800000000",
                "line 10, key 4fXq0ZbT9kLm: `expires_at` must be",
            ),
            (
                "revision = 1",
                "revision = 0",
                "line 11, key 4fXq0ZbT9kLm: `revision` must be",
            ),
            (
                "revision = 1",
                "revoked = 1\nrevision = 1",
                "line 11, key 4fXq0ZbT9kLm: unknown field `revoked`",
            ),
            (
                "expires_at = \"never\"\n",
                "",
                "line 3, key 4fXq0ZbT9kLm: `expires_at` is missing",
            ),
            ("version = 1\n", "", "line 1: `version = 1` is missing"),
            ("version = 1", "version = 2", "line 1: `version` must be 1"),
            (
                "version = 1",
                "version = 1\nmode = 2",
                "line 2: unknown field `mode`",
            ),
            ("[[keys]]", "[keys]", "line 3: `keys` must be"),
            ("owner =", "owner", "line 7: "),
        ] {
            let text = ENTRY.replacen(from, to, 1);
            assert_ne!(text, ENTRY);
            let found = problems(&text);
            assert!(
                found.iter().any(|found| found.starts_with(problem)),
                "{from} → {to}: {found:?}"
            );
        }
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let second = ENTRY.replace("version = 1\n", "");
        let text = format!("{ENTRY}{second}{}", second.replace("billing", ""));
        let found = problems(&text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].ends_with("the key is there twice: first in line 3"),
            "{found:?}"
        );
    }

    #[test]
    fn truncated_file_without_count_is_rejected_unless_it_ends_between_entries() {
        for length in 0..ENTRY.len() - 1 {
            let cut = &ENTRY[..length];
            if let Ok(records) = parse(cut) {
                assert!(records.is_empty() && !cut.contains("[["), "{cut}");
            }
        }
    }

    #[test]
    fn truncated_file_with_count_is_rejected() {
        let record = || {
            NewKey::new("a")
                .issue(NOW, None)
                .expect("issued")
                .record()
                .clone()
        };
        let text = render(&[record(), record()]).expect("in range");
        for length in 0..text.len() {
            assert!(parse(&text[..length]).is_err(), "{}", &text[..length]);
        }
        for (from, to, problem) in [
            (
                "count = 2",
                "count = 3",
                "line 3: `count` is 3, and the file holds 2 keys",
            ),
            ("count = 2", "count = \"2\"", "line 3: `count` must be"),
            ("count = 2\n", "", ""),
        ] {
            let edited = text.replacen(from, to, 1);
            match problem {
                "" => assert_eq!(parse(&edited).expect("a file without a count").len(), 2),
                problem => assert!(problems(&edited)[0].starts_with(problem), "{edited}"),
            }
        }
    }

    #[test]
    fn problems_do_not_contain_values() {
        let secret = "portcullis_4fXq0ZbT9kLm_0123456789ABCDEFGHIJKLMNOPQ0jAnNB";
        for line in [
            "id",
            "digest",
            "prefix",
            "scopes",
            "revision",
            "created_at",
            "expires_at",
        ] {
            let text: String = ENTRY
                .lines()
                .map(|text| match text.starts_with(line) {
                    true => format!("{line} = \"{secret}\"\n"),
                    false => format!("{text}\n"),
                })
                .collect();
            let found = problems(&text).join(" ");
            assert!(!found.contains("0123456789ABC"), "{found}");
        }
    }
}
