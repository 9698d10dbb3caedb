//! Attacks by class. They are generated from a valid credential, and a checked-in table has the expected outcome of each.
//!
//! `table.tsv` lists every case with its status and exact challenges, so that a changed outcome is a change of that file.
//! Most cases are single requests ([`requests`]), sent to a running `orders-api` over a socket ([`live`]) and to the same
//! schemes without a socket ([`offline`]). In every case valid credentials keep working, the response echoes nothing, and
//! nothing panics. The other cases are key sets, many requests, or clock jumps.

mod case;
mod clocks;
mod double;
mod echo;
mod forge;
mod key_sets;
mod line_ends;
mod live;
mod offline;
mod requests;
mod rotations;
mod scripted;
mod service;
mod sprays;
mod table;
mod whole_service;
mod world;

use std::collections::HashMap;

use self::case::{Id, Outcome, Sent};
use self::offline::Offline;
use self::table::Table;

/// The minimum number of cases of an item.
const MIN_CASES: usize = 5;

/// All cases and where they are sent, in the order of the table.
fn listed() -> Vec<(Id, Sent)> {
    let offline = Offline::new();
    let requests = requests::cases(offline.world());
    let requests = requests
        .into_iter()
        .map(|case| (case.id.clone(), case.sent()));
    let key_sets = key_sets::cases(offline.world());
    let key_sets = key_sets
        .into_iter()
        .map(|case| (case.id.clone(), case.sent()));
    requests
        .chain(key_sets)
        .chain(rotations::listed())
        .chain(sprays::listed())
        .chain(clocks::listed())
        .collect()
}

#[test]
fn table_rows_and_cases_correspond() {
    let cases = listed();
    let table = Table::read();
    if table::is_to_be_updated() {
        table.update(&cases);
    }
    let differences = Table::read().differences(&cases);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_item_has_five_distinct_cases() {
    let cases = listed();
    let mut items: HashMap<(&str, &str), usize> = HashMap::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for (id, _) in &cases {
        *items.entry((id.class, id.item)).or_default() += 1;
        *names.entry(id.to_string()).or_default() += 1;
        let name = &id.name;
        assert!(
            !name.contains(['\t', '\n', '\r']) && !name.is_empty(),
            "{name:?} does not fit a column"
        );
    }
    items.retain(|_, count| *count < MIN_CASES);
    assert_eq!(
        items,
        HashMap::new(),
        "items of fewer than {MIN_CASES} cases"
    );
    names.retain(|_, count| *count > 1);
    assert_eq!(names, HashMap::new(), "names of more than one case");
}

/// Collects all differences from the table and reports them together.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn compare(&mut self, id: &Id, expected: &Outcome, met: &Outcome) {
        if expected != met {
            self.add(id, &format!("expected {expected:?}, got {met:?}"));
        }
    }

    fn add(&mut self, id: &Id, finding: &str) {
        self.0.push(format!("{id}: {finding}"));
    }

    fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn assert_none(self) {
        const SHOWN: usize = 40;
        let count = self.0.len();
        let first: Vec<String> = self.0.into_iter().take(SHOWN).collect();
        assert_eq!(
            count,
            0,
            "findings; the first:
{}",
            first.join(
                "
"
            )
        );
    }
}
