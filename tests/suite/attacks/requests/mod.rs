//! Attacks with one request each: forged tokens, malformed headers, guessed keys.
//!
//! Each file has related classes, and each item of a class is a function.

mod algorithm;
mod api_keys;
mod certificates;
mod claims;
mod credentials;
mod hmac;
mod json;
mod key_references;
mod line_ends;
mod mix_ups;
mod other_tokens;
mod oversized;
mod parts;
mod scopes;
mod signatures;
mod skew;
mod times;

use super::case::{Case, Cases};
use super::world::World;

/// Builds the cases of some classes.
type Generator = fn(&World, &mut Cases);

const GENERATORS: [Generator; 17] = [
    algorithm::cases,
    hmac::cases,
    mix_ups::cases,
    signatures::cases,
    key_references::cases,
    parts::cases,
    json::cases,
    times::cases,
    claims::cases,
    other_tokens::cases,
    scopes::cases,
    credentials::cases,
    api_keys::cases,
    certificates::cases,
    oversized::cases,
    line_ends::cases,
    skew::cases,
];

/// All cases, in the order of the table.
pub(super) fn cases(world: &World) -> Vec<Case> {
    batches().flat_map(|batch| batch(world)).collect()
}

/// All cases in batches of a few classes, so that cases with times are sent soon after they are built.
pub(super) fn batches() -> impl Iterator<Item = impl FnOnce(&World) -> Vec<Case>> {
    GENERATORS.iter().map(|generator| {
        |world: &World| {
            let mut cases = Cases::default();
            generator(world, &mut cases);
            cases.0
        }
    })
}
