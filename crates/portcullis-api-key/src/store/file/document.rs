//! What is in the file.
//!
//! ```toml
//! count = 1     # how many keys there are, so that a file that was cut short is noticed; may be left out
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

use std::{collections::HashMap, ops::Range};

use serde::Serialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
    value::Datetime,
};

use super::{
    error::FileProblem,
    fields::{self, Mistake},
    time,
};
use crate::{ApiKeyId, KeyRecord};

/// The only version there is.
const VERSION: i64 = 1;

/// How many problems are told. More would help nobody, and finding the line of each takes a walk through the text.
const MOST_PROBLEMS: usize = 100;

const HEAD: &str = "\
# API keys, kept by `portcullis keys`. Only digests are here: the keys themselves are nowhere.
# Comments are lost when the file is next written.
";

/// Reads the text of a key file. One malformed entry spoils it all: a key that cannot be read may be the one that was
/// to be revoked.
pub(super) fn parse(text: &str) -> Result<Vec<KeyRecord>, Vec<FileProblem>> {
    let lines = Lines(text);
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or(Range { start: 0, end: 0 }).start;
        vec![lines.problem(at, None, error.message().to_owned())]
    })?;
    let mut document = document.into_inner();

    let mut problems = Vec::new();
    match document.remove("version") {
        Some(version) if is_version(version.get_ref()) => {}
        Some(version) => problems.push(lines.problem(
            version.span().start,
            None,
            format!("`version` must be {VERSION}: a newer portcullis may have written the file"),
        )),
        None => problems.push(lines.problem(
            0,
            None,
            format!("`version = {VERSION}` is missing, so it is no key file, or a part of one"),
        )),
    }
    let count = document.remove("count");
    let entries = document.remove("keys");
    for (name, _) in document.iter().take(MOST_PROBLEMS) {
        let problem = format!(
            "`{}` is no setting of a key file",
            portcullis_core::escape(name.get_ref())
        );
        problems.push(lines.problem(name.span().start, None, problem));
    }
    let records = match entries.map(|entries| (entries.span().start, entries.into_inner())) {
        None => Vec::new(),
        Some((_, DeValue::Array(entries))) => read_entries(entries, &lines, &mut problems),
        Some((at, _)) => {
            let problem = "`keys` must be written as [[keys]] tables".to_owned();
            problems.push(lines.problem(at, None, problem));
            Vec::new()
        }
    };
    if let Some(count) = count.filter(|_| problems.is_empty()) {
        problems.extend(cut_short(&count, records.len(), &lines));
    }
    if problems.is_empty() {
        Ok(records)
    } else {
        problems.sort_by_key(|problem| problem.line);
        Err(problems)
    }
}

/// What is wrong with a file that names the number of its keys.
fn cut_short(count: &Spanned<DeValue<'_>>, found: usize, lines: &Lines<'_>) -> Option<FileProblem> {
    let at = count.span().start;
    let problem = match count.get_ref() {
        DeValue::Integer(number)
            if number.radix() == 10 && number.as_str() == found.to_string() =>
        {
            // The last number in the file may have lost digits.
            let is_whole = lines.0.ends_with('\n');
            (!is_whole).then(|| "the last line has no line break, so the file may be cut short: restore the file, or end the line".to_owned())
        }
        DeValue::Integer(number) => Some(format!(
            "`count` is {}, and the file holds {found} keys: was it cut short? After an edit by hand, correct `count` or \
             remove it",
            number.as_str()
        )),
        _ => Some("`count` must be the number of keys".to_owned()),
    };
    problem.map(|problem| lines.problem(at, None, problem))
}

fn is_version(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::Integer(number) if number.radix() == 10 && number.as_str() == VERSION.to_string())
}

fn read_entries(
    entries: toml::de::DeArray<'_>,
    lines: &Lines<'_>,
    problems: &mut Vec<FileProblem>,
) -> Vec<KeyRecord> {
    let mut records: Vec<KeyRecord> = Vec::with_capacity(entries.len());
    let mut seen: HashMap<ApiKeyId, usize> = HashMap::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        if problems.len() >= MOST_PROBLEMS {
            break;
        }
        let start = entry.span().start;
        let DeValue::Table(entry) = entry.into_inner() else {
            let problem = "a key must be written as a [[keys]] table".to_owned();
            problems.push(lines.problem(start, Some(number(index)), problem));
            continue;
        };
        let id = fields::id(&entry);
        let name = id.map_or_else(|| number(index), |id| id.to_string());
        if let Some(first) = id.and_then(|id| seen.insert(id, start)) {
            let problem = format!("it is there twice: first in line {}", lines.number(first));
            problems.push(lines.problem(start, Some(name.clone()), problem));
        }
        match fields::record(entry, start) {
            Ok(record) => records.push(record),
            Err(Mistake { at, problem }) => {
                problems.push(lines.problem(at, Some(name), problem));
            }
        }
    }
    records
}

fn number(index: usize) -> String {
    format!("number {}", index + 1)
}

/// Finds lines by offset.
struct Lines<'t>(&'t str);

impl Lines<'_> {
    fn number(&self, at: usize) -> usize {
        let before = self.0.as_bytes().get(..at).unwrap_or(self.0.as_bytes());
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    fn problem(&self, at: usize, key: Option<String>, problem: String) -> FileProblem {
        FileProblem {
            line: self.number(at),
            key,
            problem,
        }
    }
}

/// Writes a key file. `None` when a record holds a time that RFC 3339 cannot write.
pub(super) fn render(records: &[KeyRecord]) -> Option<String> {
    let keys = records.iter().map(Entry::new).collect::<Option<Vec<_>>>()?;
    let document = toml::to_string(&Document {
        count: keys.len(),
        version: VERSION,
        keys,
    })
    .ok()?;
    Some(format!("{HEAD}{document}"))
}

#[derive(Serialize)]
struct Document {
    /// In front of what must be there: a file that ends before it is refused.
    count: usize,
    version: i64,
    keys: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    digest: String,
    prefix: String,
    owner: String,
    scopes: portcullis_core::ScopeSet,
    created_at: Datetime,
    expires_at: Expiry,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    revision: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Expiry {
    At(Datetime),
    Never(&'static str),
}

impl Entry {
    fn new(record: &KeyRecord) -> Option<Self> {
        Some(Self {
            id: record.id().to_string(),
            digest: record.digest().to_string(),
            prefix: record.prefix().to_string(),
            owner: record.owner().to_owned(),
            scopes: record.scopes().clone(),
            created_at: time::to_toml(record.created_at())?,
            expires_at: match record.expires_at() {
                Some(at) => Expiry::At(time::to_toml(at)?),
                None => Expiry::Never("never"),
            },
            revoked_at: match record.revoked_at() {
                Some(at) => Some(time::to_toml(at)?),
                None => None,
            },
            successor: record.successor().map(|id| id.to_string()),
            revision: record.revision(),
        })
    }
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
    fn records_survive_the_way_there_and_back() {
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
    fn every_malformed_entry_is_named_with_its_line() {
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
                "line 11, key 4fXq0ZbT9kLm: `revoked` is no",
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
                "line 2: `mode` is no setting",
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
    fn all_problems_are_told_at_once() {
        let second = ENTRY.replace("version = 1\n", "");
        let text = format!("{ENTRY}{second}{}", second.replace("billing", ""));
        let found = problems(&text);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].ends_with("it is there twice: first in line 3"),
            "{found:?}"
        );
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_or_ends_between_entries() {
        for length in 0..ENTRY.len() - 1 {
            let cut = &ENTRY[..length];
            if let Ok(records) = parse(cut) {
                assert!(records.is_empty() && !cut.contains("[["), "{cut}");
            }
        }
    }

    #[test]
    fn a_file_that_names_its_count_is_refused_when_cut_anywhere() {
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
    fn values_are_not_repeated() {
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
