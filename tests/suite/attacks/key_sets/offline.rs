//! The cases that are documents, without a socket.

use portcullis_api_key::MemoryStore;
use portcullis_test::ManualClock;

use super::{Served, base, cases, set};
use crate::attacks::Findings;
use crate::attacks::case::Outcome;
use crate::attacks::double::Double;
use crate::attacks::offline::{self, Offline, bearer};
use crate::attacks::table::Table;
use crate::attacks::world::stranger;

#[test]
fn key_sets_match_the_table() {
    let offline = Offline::new();
    let (world, table, mut findings) = (offline.world(), Table::read(), Findings::default());
    let good = world.token().mint();
    let trigger = world
        .token_by(&stranger(portcullis_test::SigningAlgorithm::ES256))
        .mint();
    for case in cases(world) {
        let Served::Document(document) = &case.served else {
            continue;
        };
        let clock = ManualClock::new(world.now);
        let issuer = Double::start(set([base()]), &clock);
        let layer = offline::layer(issuer.keys(), MemoryStore::new(), &clock);
        issuer.serve(document.clone());
        let triggered = offline::send(&layer, bearer(&trigger)).0.status;
        if !matches!(triggered, 401 | 503) {
            findings.add(
                &case.id,
                &format!("a token of an unknown key got {triggered}"),
            );
        }
        let (outcome, _) = offline::send(&layer, bearer(&case.probe));
        findings.compare(&case.id, &table.expected(&case.id), &outcome);
        if offline::send(&layer, bearer(&good)).0 != Outcome::new(200, []) {
            findings.add(&case.id, "a valid token is refused");
        }
    }
    findings.assert_none();
}
