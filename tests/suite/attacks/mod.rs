//! Attacks, class by class: generated from a good credential, and held against a checked-in table of what each must
//! meet with.
//!
//! `table.tsv` lists every case with its status and the exact challenges, so that a change of an outcome is a change to
//! that file. Most cases are single requests ([`requests`]), sent to a running `orders-api` over a socket ([`live`]) and
//! to the same schemes without one ([`offline`]); whatever they do, good credentials go on working beside them, nothing
//! of what was sent comes back, and nothing panics. The others are attacks by what an issuer publishes, by many
//! requests, or by the clock.

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

/// The least number of cases an item has.
const FEWEST: usize = 5;

/// Every case and where it is sent, in the order of the table.
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
            "{name:?} fits no column"
        );
    }
    items.retain(|_, count| *count < FEWEST);
    assert_eq!(items, HashMap::new(), "items of fewer than {FEWEST} cases");
    names.retain(|_, count| *count > 1);
    assert_eq!(names, HashMap::new(), "names of more than one case");
}

/// Collects what did not go as the table says, to tell it all at once.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn compare(&mut self, id: &Id, expected: &Outcome, met: &Outcome) {
        if expected != met {
            self.add(id, &format!("expected {expected:?}, met with {met:?}"));
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
