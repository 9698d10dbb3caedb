use futures_util::future::join_all;
use portcullis_api_key::{KeyStore, Limit, Lookup, Networks, NewKey};
use portcullis_core::{FailureKind, ScopeSet};

use crate::support::{NOW, Pair};
use std::time::Duration;

#[tokio::test]
async fn key_is_accepted_as_by_the_service_with_the_store() {
    let pair = Pair::start().await;
    let limit = Limit::new(5, Duration::from_millis(1_500)).expect("a limit");
    let new = NewKey::new("billing")
        .name("nightly")
        .scopes(ScopeSet::parse("orders:read orders:write"))
        .networks(Networks::parse(["192.0.2.0/24"]).expect("networks"))
        .limit(limit.burst(9).expect("a burst"))
        .expires_in(Duration::from_millis(3_600_500));
    let issued = pair.keys.create(new).expect("created");
    let mut expected = issued.record().clone();
    let seen = pair.check(issued.key().expose()).await.expect("accepted");
    expected.revision = seen.revision;
    assert_eq!(seen, expected);

    pair.advance(3_600);
    assert!(pair.is_accepted(&issued).await);
    pair.clock.advance(Duration::from_millis(500));
    let kind = pair.check(issued.key().expose()).await;
    assert_eq!(
        kind,
        Err(FailureKind::Invalid),
        "expired, without a request"
    );
}

#[tokio::test]
async fn answer_is_used_for_5_s() {
    let pair = Pair::start().await;
    let key = pair.create();
    for _ in 0..10 {
        assert!(pair.is_accepted(&key).await);
    }
    assert_eq!(pair.endpoint.requests(), 1);
    pair.keys.revoke(&key.record().id).expect("revoked");
    pair.clock.advance(Duration::from_millis(4_999));
    assert!(pair.is_accepted(&key).await, "the bound has not passed");
    pair.clock.advance(Duration::from_millis(1));
    assert!(!pair.is_accepted(&key).await);
    assert!(!pair.is_accepted(&key).await);
    assert_eq!(pair.endpoint.requests(), 2);
    assert_eq!(pair.store.status().keys, 0);
}

#[tokio::test]
async fn unchanged_key_keeps_its_prepared_principal() {
    let pair = Pair::start().await;
    let key = pair.create();
    let text = key.key().expose().as_bytes();
    let first = pair.scheme.verify(text).await.expect("accepted");
    pair.advance(6);
    let second = pair.scheme.verify(text).await.expect("accepted");
    assert_eq!(pair.endpoint.requests(), 2);
    assert!(std::sync::Arc::ptr_eq(&first, &second));
}

/// A well-formed key with the id of a live key and another secret.
async fn with_wrong_secret(pair: &Pair) -> [portcullis_api_key::IssuedKey; 2] {
    let [forged, other] = [(); 2].map(|()| NewKey::new("a").issue(NOW, None).expect("issued"));
    let record = portcullis_api_key::KeyRecord::new(
        forged.record().id,
        other.record().digest,
        "billing",
        NOW,
    );
    pair.keys
        .insert([record.expect("a record")])
        .expect("stored");
    [forged, other]
}

#[tokio::test]
async fn wrong_secret_is_refused_with_and_without_a_cached_key() {
    let pair = Pair::start().await;
    let [forged, _] = with_wrong_secret(&pair).await;
    assert!(!pair.is_accepted(&forged).await);
    assert!(!pair.is_accepted(&forged).await);
    assert_eq!(pair.endpoint.requests(), 1, "remembered by the whole key");

    // The record with the right digest appears: the wrong answer is not remembered against the id.
    let live = pair.create();
    assert!(pair.is_accepted(&live).await);
    let digest = live.record().digest;
    for text in [forged.key().expose(), live.key().expose()] {
        let found = match pair
            .store
            .lookup_presented(&live.record().id, text.as_bytes())
        {
            Lookup::Ready(found) => found.expect("no outage").expect("cached"),
            Lookup::Pending(_) => panic!("the key was checked a moment ago"),
        };
        // The scheme compares this digest with that of the presented key.
        assert_eq!(found.record().digest, digest);
    }
}

#[tokio::test]
async fn key_that_was_not_valid_is_asked_for_again_after_5_s() {
    let pair = Pair::start().await;
    let key = NewKey::new("a").issue(NOW, None).expect("issued");
    assert!(!pair.is_accepted(&key).await);
    pair.keys.insert([key.record().clone()]).expect("stored");
    pair.advance(4);
    assert!(!pair.is_accepted(&key).await);
    pair.advance(1);
    assert!(pair.is_accepted(&key).await);
    assert_eq!(pair.endpoint.requests(), 2);
}

#[tokio::test]
async fn callers_with_the_same_key_share_a_request() {
    let pair = Pair::start().await;
    let (one, other) = (pair.create(), pair.create());
    pair.endpoint.hold();
    let checks =
        (0..50).map(|number| pair.is_accepted(if number % 2 == 0 { &one } else { &other }));
    let release = async {
        while pair.endpoint.requests() < 2 {
            tokio::task::yield_now().await;
        }
        pair.endpoint.release();
    };
    let (accepted, ()) = tokio::join!(join_all(checks), release);
    assert!(accepted.into_iter().all(|accepted| accepted));
    assert_eq!(pair.endpoint.requests(), 2);
}

#[tokio::test]
async fn request_that_nobody_waits_for_is_made_again() {
    let pair = Pair::start().await;
    let key = pair.create();
    pair.endpoint.hold();
    let started = async {
        while pair.endpoint.requests() < 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = pair.is_accepted(&key) => panic!("the endpoint answers nothing"),
        () = started => {}
    }
    pair.endpoint.release();
    assert!(pair.is_accepted(&key).await);
    assert_eq!(pair.endpoint.requests(), 2);
}

#[tokio::test]
async fn unknown_keys_are_capped() {
    let pair = Pair::start().await;
    let known = pair.create();
    assert!(pair.is_accepted(&known).await);
    let mut unavailable = 0;
    for _ in 0..400 {
        let key = NewKey::new("a").issue(NOW, None).expect("issued");
        let outcome = pair
            .store
            .lookup_presented(&key.record().id, key.key().expose().as_bytes());
        // Dropping a pending lookup sends nothing.
        unavailable += usize::from(matches!(outcome, Lookup::Ready(Err(_))));
    }
    assert!(unavailable > 0, "more than 20 at once and 200 a second");
    pair.advance(6);
    assert!(pair.is_accepted(&known).await, "a known key is not capped");
}

#[tokio::test]
async fn lookup_by_id_finds_only_keys_that_were_checked() {
    let pair = Pair::start().await;
    let key = pair.create();
    let id = key.record().id;
    assert!(matches!(pair.store.lookup(&id), Lookup::Ready(Err(_))));
    assert!(pair.is_accepted(&key).await);
    assert!(matches!(pair.store.lookup(&id), Lookup::Ready(Ok(Some(_)))));
}
