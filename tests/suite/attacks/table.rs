//! The checked-in table with the expected outcome of each case.
//!
//! The outcomes are written by hand from the design. `UPDATE_TABLE=1` adds the names of new cases with the outcome `?`,
//! which fails the test, and removes the rows of cases that no longer exist.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use super::case::{Id, Outcome, Sent};

const HEADING: &str = "class\titem\tcase\tsent\tstatus\tchallenge";

/// The rows by their id.
pub(super) struct Table(HashMap<String, Row>);

struct Row {
    sent: String,
    status: String,
    challenge: String,
}

impl Table {
    pub(super) fn read() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_default();
        let mut rows = HashMap::new();
        for line in text.lines().skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            let [class, item, name, sent, status, challenge] = columns[..] else {
                panic!("not a row of six columns: {line}");
            };
            let row = Row {
                sent: sent.to_owned(),
                status: status.to_owned(),
                challenge: challenge.to_owned(),
            };
            let known = rows.insert(key(class, item, name), row);
            assert!(known.is_none(), "listed twice: {line}");
        }
        Self(rows)
    }

    /// The expected outcome of the case.
    pub(super) fn expected(&self, id: &Id) -> Outcome {
        let row = self.row(id).unwrap_or_else(|| panic!("no row for {id}"));
        Outcome {
            status: row.status.parse().unwrap_or_default(),
            challenge: row.challenge.clone(),
        }
    }

    /// The differences between rows and cases, one line each.
    pub(super) fn differences(&self, cases: &[(Id, Sent)]) -> Vec<String> {
        let mut differences = Vec::new();
        for (id, sent) in cases {
            match self.row(id) {
                None => differences.push(format!("no row for the case {id}")),
                Some(row) if row.sent != sent.to_string() => {
                    differences.push(format!("{id} is sent {sent}, not {}", row.sent));
                }
                Some(row) if row.status.parse::<u16>().is_err() => {
                    differences.push(format!("no expected outcome for {id}"));
                }
                Some(_) => {}
            }
        }
        let keys: Vec<String> = cases.iter().map(|(id, _)| key_of(id)).collect();
        for row in self.0.keys().filter(|row| !keys.contains(row)) {
            differences.push(format!("no case for the row {}", row.replace('\t', " / ")));
        }
        differences
    }

    /// Rewrites the table in the order of the cases.
    pub(super) fn update(&self, cases: &[(Id, Sent)]) {
        let mut text = format!("{HEADING}\n");
        for (id, sent) in cases {
            let (status, challenge) = match self.row(id) {
                Some(row) => (&*row.status, &*row.challenge),
                None => ("?", "?"),
            };
            let _ = writeln!(text, "{}\t{sent}\t{status}\t{challenge}", key_of(id));
        }
        fs::write(path(), text).expect("a written table");
    }

    fn row(&self, id: &Id) -> Option<&Row> {
        self.0.get(&key_of(id))
    }
}

/// Whether the table is rewritten instead of compared.
pub(super) fn is_to_be_updated() -> bool {
    env::var_os("UPDATE_TABLE").is_some()
}

fn key_of(id: &Id) -> String {
    key(id.class, id.item, &id.name)
}

fn key(class: &str, item: &str, name: &str) -> String {
    format!("{class}\t{item}\t{name}")
}

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "suite", "attacks", "table.tsv"]
        .iter()
        .collect()
}
