//! The allocations of a token: none if it is cached, and few besides its principal if it is new.

mod support;

use allocation_counter::measure;
use http::Request;
use portcullis_core::{
    facts::FactFinders,
    scheme::{Head, Outcome, Scheme},
};
use portcullis_jwt::{Algorithm, Bearer, BearerBuilder};
use serde_json::json;
use support::{AUDIENCE, ManualClock, claims_with, issuer, signer};

fn builder() -> BearerBuilder {
    Bearer::jwt(&issuer())
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .clock(ManualClock::new().shared())
}

fn token(id: u64) -> String {
    signer().access_token(&claims_with(json!({"jti": id.to_string()})))
}

fn accept(bearer: &Bearer, token: &str) {
    let request = Request::new(());
    let finders = FactFinders::default();
    let outcome = bearer.authenticate(&Head::new(&request, &finders), token.as_bytes());
    assert!(matches!(outcome, Outcome::Done(Ok(_))), "{outcome:?}");
}

/// Counts the allocations of a new token after a few others.
fn allocations_of_a_new_token(bearer: &Bearer) -> u64 {
    for id in 0..20 {
        accept(bearer, &token(id));
    }
    let new = token(20);
    measure(|| accept(bearer, &new)).count_total
}

#[test]
fn cached_token_allocates_nothing() {
    let bearer = builder().build().expect("a scheme");
    let token = token(0);
    // Verified, found in the shared level, and copied to the thread's own.
    (0..4).for_each(|_| accept(&bearer, &token));
    let again = measure(|| (0..100).for_each(|_| accept(&bearer, &token)));
    assert_eq!(again.count_total, 0, "{again:?}");
}

#[test]
fn new_token_allocates_its_parts_its_claims_and_its_principal() {
    let without =
        allocations_of_a_new_token(&builder().without_token_cache().build().expect("a scheme"));
    assert!((1..=13).contains(&without), "{without}");
    let with = allocations_of_a_new_token(&builder().build().expect("a scheme"));
    assert_eq!(with - without, 2, "the entry, and the text to compare with");
}
