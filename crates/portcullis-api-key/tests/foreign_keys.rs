//! Keys of another format, which were imported by their digest.

mod support;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use portcullis_api_key::{
    ApiKeyId, ApiKeys, ApiKeysBuilder, KeyDigest, KeyManager, KeyRecord, KeyStore, Lookup,
    MemoryStore, NewKey, Peppers, StoreError,
};
use portcullis_core::Secret;
use support::{NOW, send_key};

const KEY: &str = "legacy-9f8b6c1e52d04a7f8e1b3c5d7a9e0f12";

fn secret(fill: u8) -> Secret {
    Secret::new(vec![fill; 32])
}

/// Version 3 is current, 2 is older, and 1 is another system's.
fn peppers() -> Peppers {
    let peppers = Peppers::new(3, &secret(3)).expect("long enough");
    let peppers = peppers.with_previous(2, &secret(2)).expect("new");
    peppers.with_foreign(1, &Secret::new("short")).expect("new")
}

/// The digest of [`KEY`] under a version of the peppers.
fn digest(version: Option<u32>) -> KeyDigest {
    let peppers = match version {
        None => return KeyDigest::of_text(KEY, None),
        // HMAC-SHA-256 of KEY under the key `short`, as another system makes it.
        Some(1) => {
            return format!("hmac-sha256:1:{HMAC_UNDER_SHORT}")
                .parse()
                .expect("a digest");
        }
        Some(version) => Peppers::new(version, &secret(version as u8)).expect("long enough"),
    };
    KeyDigest::of_text(KEY, Some(&peppers))
}

const HMAC_UNDER_SHORT: &str = "e206a3568080b7b9560c0b3bee30bb4e902f2ed99a245f8259734819227df80b";

fn record(version: Option<u32>) -> KeyRecord {
    KeyRecord::foreign(digest(version), "legacy", NOW).expect("a record")
}

fn scheme(store: impl KeyStore) -> ApiKeysBuilder {
    let clock = Arc::new(support::ManualClock::new());
    ApiKeys::builder(store).clock(clock).accept_foreign_keys()
}

async fn status(keys: &ApiKeys, key: &str) -> u16 {
    send_key(keys, key).await.status.as_u16()
}

#[tokio::test]
async fn foreign_key_is_found_by_each_kind_of_digest() {
    for version in [None, Some(3), Some(2), Some(1)] {
        let store = MemoryStore::new();
        let record = record(version);
        store.import(vec![record.clone()]).await.expect("stored");
        let keys = scheme(store.clone()).peppers(peppers()).build();
        let keys = keys.expect("valid");
        let principal = send_key(&keys, KEY).await.principal.expect("accepted");
        assert_eq!(principal.subject(), Some("legacy"));
        assert_eq!(principal.credential_id(), Some(record.id.as_str()));
        assert_eq!(status(&keys, &KEY[1..]).await, 401);
        assert_eq!(status(&keys, &KEY.to_uppercase()).await, 401);
        // The id of the record depends on the digest, so the digest stays.
        let Lookup::Ready(Ok(Some(stored))) = store.lookup(&record.id) else {
            panic!("stored")
        };
        assert_eq!(stored.new_digest(), None);

        store.revoke(&record.id).expect("revoked");
        let refused = send_key(&keys, KEY).await;
        assert_eq!(refused.status, 401);
        assert!(refused.body.contains("revoked"), "{}", refused.body);
    }
}

#[tokio::test]
async fn foreign_keys_are_off_by_default() {
    let store = MemoryStore::new();
    store.insert([record(None)]).expect("stored");
    assert_eq!(status(&ApiKeys::new(store), KEY).await, 401);
}

#[tokio::test]
async fn own_keys_and_malformed_texts_are_not_looked_up_as_foreign() {
    let store = Counting::default();
    let own = store.keys.create(NewKey::new("own")).expect("made");
    let lookups = || store.lookups.swap(0, Ordering::Relaxed);
    let prefix = portcullis_api_key::KeyPrefix::new("acme").expect("a prefix");
    let keys = scheme(store.clone()).build().expect("valid");
    let strict = scheme(store.clone()).prefixes([prefix]).build();
    let strict = strict.expect("valid");
    assert_eq!(
        (status(&keys, own.key().expose()).await, lookups()),
        (200, 1)
    );
    assert_eq!(
        (status(&strict, own.key().expose()).await, lookups()),
        (401, 0)
    );
    for (text, expected) in [
        ("7 chars".replace(' ', ""), 401),
        ("x".repeat(513), 401),
        (format!("{KEY} "), 400),
        (format!("Bearer {KEY}"), 400),
    ] {
        assert_eq!(
            (status(&keys, &text).await, lookups()),
            (expected, 0),
            "{text}"
        );
    }
    let peppered = scheme(store.clone()).peppers(peppers()).build();
    let peppered = peppered.expect("valid");
    for text in [
        "8-chars!".to_owned(),
        "x".repeat(512),
        own.key().expose()[1..].to_owned(),
    ] {
        assert_eq!((status(&keys, &text).await, lookups()), (401, 1), "{text}");
        assert_eq!(
            (status(&peppered, &text).await, lookups()),
            (401, 4),
            "{text}"
        );
    }
}

#[tokio::test]
async fn record_that_is_not_foreign_is_not_found_by_a_foreign_key() {
    let store = MemoryStore::new();
    let mut own = record(None);
    own.is_foreign = false;
    store.insert([own]).expect("stored");
    let keys = scheme(store).build().expect("valid");
    assert_eq!(status(&keys, KEY).await, 401);
}

#[tokio::test]
async fn store_that_waits_is_asked_for_one_id_after_the_other() {
    for version in [None, Some(3), Some(2), Some(1)] {
        let record = record(version);
        let keys = |store| scheme(store).peppers(peppers()).build().expect("valid");
        let store = Waiting::default();
        store.keys.insert([record.clone()]).expect("stored");
        assert_eq!(status(&keys(store.clone()), KEY).await, 200);
        assert_eq!(status(&keys(store.clone()), "unknown-key").await, 401);

        // An id that the store cannot look up hides no key that it finds, but may be that of the key.
        let mut failing = store;
        let other = [None, Some(3)]
            .map(digest)
            .into_iter()
            .find(|it| *it != record.digest);
        let other = ApiKeyId::of_foreign(&other.expect("another"));
        failing.failing = HashMap::from([(other, "db.internal is away")]).into();
        assert_eq!(status(&keys(failing.clone()), KEY).await, 200);
        failing.keys = MemoryStore::new();
        let refused = send_key(&keys(failing), KEY).await;
        assert_eq!(refused.status, 503);
        assert!(!refused.body.contains("db.internal"), "{}", refused.body);
    }
}

#[tokio::test]
async fn rotated_foreign_key_gets_a_successor_of_our_format() {
    let store = MemoryStore::new();
    let foreign = record(None);
    store.insert([foreign.clone()]).expect("stored");
    let new = store.rotate(&foreign.id, Duration::from_secs(60));
    let new = new.expect("rotated");
    assert!(!new.record().is_foreign);
    let keys = ApiKeys::builder(store).accept_foreign_keys().build();
    let keys = keys.expect("valid");
    assert_eq!(status(&keys, new.key().expose()).await, 200);
}

/// Counts lookups.
#[derive(Clone, Default)]
struct Counting {
    keys: MemoryStore,
    lookups: Arc<AtomicUsize>,
}

impl KeyStore for Counting {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        self.keys.lookup(id)
    }
}

/// Answers after a wait, and fails for some ids.
#[derive(Clone, Default)]
struct Waiting {
    keys: MemoryStore,
    failing: Arc<HashMap<ApiKeyId, &'static str>>,
}

impl KeyStore for Waiting {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        let Lookup::Ready(mut found) = self.keys.lookup(id) else {
            unreachable!("memory does not wait")
        };
        if let Some(problem) = self.failing.get(id) {
            found = Err(StoreError::new(*problem));
        }
        Lookup::Pending(Box::pin(async move {
            tokio::task::yield_now().await;
            found
        }))
    }
}
