//! API keys in a store: as many as a million, of which few or ten thousand are used.

use std::iter;

use portcullis_api_key::{ApiKeys, IssuedKey, KeyRecord, MemoryStore, NewKey};
use portcullis_bench_suite::{Bare, in_turn, scopes, with_key};
use portcullis_core::{AuthenticateLayer, Clock, SystemClock};
use tower::Layer;

use crate::cases::{Case, Effort, Growth};

/// How many keys there are.
const SIZES: [usize; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
/// How many of them are used all the time.
const HOT: usize = 10;
/// How many of them are used in turn, where there are so many.
const IN_TURN: usize = 10_000;

/// A key with three scopes, as a store would issue it.
///
/// # Panics
///
/// Where there are no random numbers.
#[must_use]
pub fn issue() -> IssuedKey {
    let new = NewKey::new("6f1c8f0e-billing-worker").scopes(scopes());
    new.issue(SystemClock.now(), None).expect("a key")
}

/// What a store keeps of such keys, the secrets being forgotten.
pub fn records(count: usize) -> impl Iterator<Item = KeyRecord> {
    iter::repeat_with(|| issue().record().clone()).take(count)
}

/// The texts of keys, as callers send them.
#[must_use]
pub fn texts(keys: &[IssuedKey]) -> Vec<String> {
    keys.iter()
        .map(|key| key.key().expose().to_owned())
        .collect()
}

/// Measures them. The same ten keys are used whatever the size of the store.
///
/// # Panics
///
/// If keys are refused.
#[must_use]
pub fn measure(effort: Effort) -> Growth {
    let known: Vec<IssuedKey> = iter::repeat_with(issue).take(IN_TURN).collect();
    let mut cases = Vec::new();
    for size in SIZES.into_iter().filter(|&size| size <= effort.largest) {
        let known = &known[..size.min(IN_TURN)];
        let store = MemoryStore::new();
        let kept = known.iter().map(|key| key.record().clone());
        let others = records(size - known.len());
        store.insert(kept.chain(others)).expect("ids that differ");
        let layer = AuthenticateLayer::new(ApiKeys::new(store));
        let (hot, all) = (texts(&known[..HOT]), texts(known));
        cases.push(Case::new(
            "10 keys in turn",
            size,
            layer.layer(Bare),
            hot,
            with_key,
        ));
        if size >= IN_TURN {
            cases.push(Case::new(
                "10,000 keys in turn",
                size,
                layer.layer(Bare),
                all,
                with_key,
            ));
        }
    }
    let mut hot = in_turn(texts(&known[..HOT]));
    Growth::measure(
        "API keys in a store",
        effort,
        move || with_key(&hot()),
        cases,
    )
}
