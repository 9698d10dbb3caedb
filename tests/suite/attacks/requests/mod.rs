//! Attacks that are one request each: forged tokens, mistreated headers, guessed keys.
//!
//! One file holds the classes that go together; each item of a class is a function.

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

/// Every case, in the order of the table.
pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = Cases::default();
    for class in [
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
    ] {
        class(world, &mut cases);
    }
    cases.0
}
