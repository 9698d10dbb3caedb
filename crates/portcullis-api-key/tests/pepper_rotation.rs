//! A pepper is replaced while its keys are in use.

mod support;

use std::time::Duration;

use portcullis_api_key::{
    ApiKeyId, ApiKeys, IssuedKey, KeyDigest, KeyManager, KeyQuery, KeyRecord, KeyStore, Lookup,
    MemoryStore, NewKey, Peppers,
};
use portcullis_core::{Secret, clock::system_clock};
use support::send_key;

fn secret(fill: u8) -> Secret {
    Secret::new(vec![fill; 32])
}

fn only(version: u32) -> Peppers {
    let fill = u8::try_from(version).expect("small");
    Peppers::new(version, &secret(fill)).expect("long enough")
}

/// Version 2 is current, and 1 is still known.
fn both() -> Peppers {
    only(2).with_previous(1, &secret(1)).expect("new")
}

fn scheme(store: &MemoryStore, peppers: Peppers) -> ApiKeys {
    let keys = ApiKeys::builder(store.clone()).peppers(peppers).build();
    keys.expect("valid")
}

async fn status(keys: &ApiKeys, key: &IssuedKey) -> u16 {
    send_key(keys, key.key().expose()).await.status.as_u16()
}

/// The digest that the scheme offered for the key.
fn offered(store: &MemoryStore, id: ApiKeyId) -> Option<KeyDigest> {
    match store.lookup(&id) {
        Lookup::Ready(Ok(Some(key))) => key.new_digest().copied(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn used_keys_move_to_the_current_pepper() {
    let store = MemoryStore::new();
    let old = |store: MemoryStore| store.peppers(only(1)).create(NewKey::new("a"));
    let peppered = old(store.clone()).expect("made");
    let plain = store.create(NewKey::new("b")).expect("made");
    let unused = old(store.clone()).expect("made");
    let current = store.clone().peppers(only(2)).create(NewKey::new("c"));
    let current = current.expect("made");
    let keys = scheme(&store, both());
    for key in [&peppered, &plain, &current] {
        assert_eq!(status(&keys, key).await, 200);
    }
    for key in [&unused, &current] {
        assert_eq!(offered(&store, key.key().id()), None);
    }

    // What a store does that records new digests.
    let moved = MemoryStore::new();
    for key in [&peppered, &plain] {
        let digest = offered(&store, key.key().id()).expect("a digest");
        assert_eq!(digest, KeyDigest::of(key.key(), Some(&only(2))));
        let record = KeyRecord::new(key.key().id(), digest, "a", key.record().created_at);
        moved.insert([record.expect("a record")]).expect("stored");
    }
    moved.insert([unused.record().clone()]).expect("stored");
    let mut stragglers = KeyQuery::new(system_clock().now());
    stragglers.other_pepper_than = Some(2);
    let page = moved.page(&stragglers).await.expect("a page");
    assert_eq!(page.keys, [unused.record().clone()]);

    let without_old = scheme(&moved, only(2));
    assert_eq!(status(&without_old, &peppered).await, 200);
    assert_eq!(status(&without_old, &plain).await, 200);
    assert_eq!(status(&without_old, &unused).await, 503);
}

#[tokio::test]
async fn key_does_not_move_to_a_lower_version() {
    let store = MemoryStore::new().peppers(only(2));
    let key = store.create(NewKey::new("a")).expect("made");
    let peppers = only(1).with_previous(2, &secret(2)).expect("new");
    assert_eq!(status(&scheme(&store, peppers), &key).await, 200);
    assert_eq!(offered(&store, key.key().id()), None);
}

#[tokio::test]
async fn key_that_is_refused_is_not_digested_again() {
    let store = MemoryStore::new().peppers(only(1));
    let revoked = store.create(NewKey::new("a")).expect("made");
    let (id, victim) = (
        revoked.key().id(),
        store.create(NewKey::new("b")).expect("made"),
    );
    store.revoke(&id).expect("revoked");
    let keys = scheme(&store, both());
    assert_eq!(status(&keys, &revoked).await, 401);
    assert_eq!(offered(&store, id), None);

    // A record with the victim's id and another digest: the secret that is sent is wrong.
    let other = store.create(NewKey::new("c")).expect("made");
    let forged = MemoryStore::new();
    let mut record = other.record().clone();
    record.id = victim.key().id();
    forged.insert([record]).expect("stored");
    assert_eq!(status(&scheme(&forged, both()), &victim).await, 401);
    assert_eq!(offered(&forged, victim.key().id()), None);
}

#[tokio::test]
async fn missing_pepper_is_503_and_named() {
    let store = MemoryStore::new().peppers(only(1));
    let key = store.create(NewKey::new("a")).expect("made");
    let keys = scheme(&store, only(2));
    assert!(keys.missing_peppers().is_empty());
    let refused = send_key(&keys, key.key().expose()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.retry_after.is_some());
    assert_eq!(keys.missing_peppers(), [1]);
    let new = store.rotate(&key.key().id(), Duration::from_secs(60));
    assert_eq!(status(&keys, &new.expect("rotated")).await, 503);
    assert_eq!(keys.missing_peppers(), [1]);
}
