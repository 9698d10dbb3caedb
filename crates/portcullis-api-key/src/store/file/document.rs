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

use portcullis_core::escape;
use serde::Serialize;
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    entry::{self, Entry, Mistake},
    error::FileProblem,
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
    let mut problems = Problems {
        text,
        found: Vec::new(),
    };
    let records = match DeTable::parse(text) {
        Ok(document) => read(document.into_inner(), &mut problems),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            problems.add(at, None, error.message());
            Vec::new()
        }
    };
    if problems.found.is_empty() {
        Ok(records)
    } else {
        problems.found.sort_by_key(|problem| problem.line);
        Err(problems.found)
    }
}

fn read(mut document: DeTable<'_>, problems: &mut Problems<'_>) -> Vec<KeyRecord> {
    match document.remove("version") {
        Some(version) if entry::integer(version.get_ref()) == Some(VERSION) => {}
        Some(version) => problems.add(
            version.span().start,
            None,
            format!("`version` must be {VERSION}: a newer portcullis may have written the file"),
        ),
        None => problems.add(
            0,
            None,
            format!(
                "`version = {VERSION}` is missing: the file is not a key file, or is truncated"
            ),
        ),
    }
    let count = document.remove("count");
    let keys = document.remove("keys");
    for (name, _) in document.iter().take(MAX_PROBLEMS) {
        let problem = format!("unknown field `{}`", escape(name.get_ref()));
        problems.add(name.span().start, None, problem);
    }
    let records = match keys.map(|keys| (keys.span().start, keys.into_inner())) {
        None => Vec::new(),
        Some((_, DeValue::Array(entries))) => read_entries(entries, problems),
        Some((at, _)) => {
            problems.add(at, None, "`keys` must be written as [[keys]] tables");
            Vec::new()
        }
    };
    if problems.found.is_empty()
        && let Some(count) = count
    {
        check_count(&count, records.len(), problems);
    }
    records
}

fn read_entries(entries: DeArray<'_>, problems: &mut Problems<'_>) -> Vec<KeyRecord> {
    let mut records = Vec::with_capacity(entries.len());
    let mut seen: HashMap<ApiKeyId, usize> = HashMap::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        if problems.found.len() >= MAX_PROBLEMS {
            break;
        }
        let start = entry.span().start;
        let number = format!("number {}", index + 1);
        let DeValue::Table(table) = entry.into_inner() else {
            problems.add(
                start,
                Some(number),
                "a key must be written as a [[keys]] table",
            );
            continue;
        };
        let id = entry::id(&table);
        let name = id.map_or(number, |id| id.to_string());
        if let Some(first) = id.and_then(|id| seen.insert(id, start)) {
            let first = problems.line(first);
            let problem = format!("the key is there twice: first in line {first}");
            problems.add(start, Some(name.clone()), problem);
        }
        match entry::read(table, start) {
            Ok(record) => records.push(record),
            Err(Mistake { at, problem }) => problems.add(at, Some(name), problem),
        }
    }
    records
}

fn check_count(count: &Spanned<DeValue<'_>>, found: usize, problems: &mut Problems<'_>) {
    let at = count.span().start;
    match entry::integer(count.get_ref()) {
        // The last number in the file may have lost digits.
        Some(number) if number == found as i64 => {
            if !problems.text.ends_with('\n') {
                let problem = "the last line has no line break, so the file may be cut short: restore the file, or end the line";
                problems.add(at, None, problem);
            }
        }
        Some(number) => problems.add(
            at,
            None,
            format!(
                "`count` is {number}, and the file holds {found} keys: was it cut short? After an edit by hand, correct \
                 `count` or remove it"
            ),
        ),
        None => problems.add(at, None, "`count` must be the number of keys"),
    }
}

/// The problems found in a text.
struct Problems<'t> {
    text: &'t str,
    found: Vec<FileProblem>,
}

impl Problems<'_> {
    fn add(&mut self, at: usize, key: Option<String>, problem: impl Into<String>) {
        self.found.push(FileProblem {
            line: self.line(at),
            key,
            problem: problem.into(),
        });
    }

    /// The line of an offset.
    fn line(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let before = bytes.get(..at).unwrap_or(bytes);
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
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
        let rotated = record(NewKey::new("c")).with_successor(Some(plain.id()));
        let records = vec![plain, revoked, rotated];
        let text = render(&records).expect("in range");
        assert_eq!(parse(&text), Ok(records));
        assert_eq!(parse(&render(&[]).expect("nothing")), Ok(Vec::new()));
    }

    #[test]
    fn malformed_entry_is_reported_with_its_line() {
        for (from, to, problem) in [
            (
                "billing",
                "",
                "line 7, key 4fXq0ZbT9kLm: `owner` must be text of",
            ),
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
        assert_eq!(found.len(), 3, "{found:?}");
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
