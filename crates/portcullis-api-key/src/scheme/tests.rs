use http::Request;
use portcullis_core::{FailureKind, Principal, Secret, facts::FactFinders};

use super::*;
use crate::{
    digest,
    issue::{IssuedKey, NewKey},
    record::KeyRecord,
    store::MemoryStore,
};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Finds the keys of another store, and has a doubt.
struct Doubtful(MemoryStore);

impl KeyStore for Doubtful {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        match self.0.lookup(id) {
            Lookup::Ready(Ok(None)) => Lookup::Ready(Err(StoreError::new("unreadable"))),
            found => found,
        }
    }

    fn doubt(&self) -> Option<StoreError> {
        Some(StoreError::new("unreadable"))
    }
}

fn peppers() -> Peppers {
    Peppers::new(1, &Secret::new(vec![1; 32])).expect("long enough")
}

fn issue(peppers: Option<&Peppers>) -> IssuedKey {
    NewKey::new("a").issue(NOW, peppers).expect("made")
}

/// The failure for a key, and the work it took.
fn refusal(keys: &ApiKeys, key: &IssuedKey) -> (FailureKind, String, digest::Work) {
    let (failure, work) = failure(keys, key);
    (failure.kind(), failure.external().to_owned(), work)
}

fn failure(keys: &ApiKeys, key: &IssuedKey) -> (Failure, digest::Work) {
    let (outcome, work) = authenticate(keys, key.key().expose());
    (outcome.expect_err("a refusal"), work)
}

/// The outcome for a text in the header, and the work it took.
fn authenticate(keys: &ApiKeys, text: &str) -> (Result<Principal, Failure>, digest::Work) {
    let request = Request::builder().header("x-api-key", text).body(());
    let request = request.expect("a request");
    let finders = FactFinders::default();
    let head = Head::new(&request, &finders);
    let Ok(Some(credential)) = keys.detect(&head) else {
        panic!("a key was sent")
    };
    digest::Work::take();
    let Outcome::Done(outcome) = keys.authenticate(&head, credential) else {
        panic!("memory does not wait")
    };
    (outcome, digest::Work::take())
}

/// A key whose record has the digest of another key.
fn with_other_secret(store: &MemoryStore, peppers: Option<&Peppers>) -> IssuedKey {
    let (key, other) = (issue(None), issue(peppers));
    let record = KeyRecord::new(key.key().id(), other.record().digest, "a", NOW);
    store.insert([record.expect("a record")]).expect("stored");
    key
}

#[test]
fn known_id_with_a_missing_pepper_is_503() {
    let store = MemoryStore::new();
    let known = with_other_secret(&store, Some(&peppers()));
    let keys = ApiKeys::new(store);
    assert_eq!(refusal(&keys, &known).0, FailureKind::Unavailable);
    assert_eq!(refusal(&keys, &issue(None)).0, FailureKind::Invalid);
}

#[test]
fn log_names_every_key_that_cannot_be_checked() {
    let store = MemoryStore::new();
    let wrong = with_other_secret(&store, None);
    let no_pepper = with_other_secret(&store, Some(&peppers()));
    let keys = ApiKeys::new(Doubtful(store));
    for key in [wrong, no_pepper, issue(None)] {
        let (failure, _) = failure(&keys, &key);
        assert_eq!(failure.kind(), FailureKind::Unavailable);
        let named = format!("API key {}: ", key.key().id());
        assert!(failure.internal().starts_with(&named), "{failure:?}");
    }
}

#[test]
fn known_and_unknown_ids_cost_the_same_work() {
    let peppers = peppers();
    // The last is a record from before peppers were introduced.
    for (scheme, record) in [
        (None, None),
        (Some(&peppers), Some(&peppers)),
        (Some(&peppers), None),
    ] {
        for is_doubtful in [false, true] {
            let store = MemoryStore::new();
            let known = with_other_secret(&store, record);
            let keys = match is_doubtful {
                false => ApiKeys::builder(store),
                true => ApiKeys::builder(Doubtful(store)),
            };
            let keys = match scheme {
                Some(peppers) => keys.peppers(peppers.clone()),
                None => keys,
            };
            let keys = keys.build().expect("good settings");
            let known = refusal(&keys, &known);
            let unknown = refusal(&keys, &issue(None));
            assert_eq!(known, unknown);
            let (kind, _, work) = known;
            let expected = match is_doubtful {
                false => FailureKind::Invalid,
                true => FailureKind::Unavailable,
            };
            assert_eq!(kind, expected);
            assert_eq!(work.comparisons, 1);
            assert_eq!(work.digests, if scheme.is_some() { 2 } else { 1 });
        }
    }
}

const FOREIGN: &str = "legacy-9f8b6c1e52d04a7f8e1b3c5d7a9e0f12";

#[test]
fn known_and_unknown_foreign_keys_cost_the_same_work() {
    let scheme = |store: &MemoryStore| {
        let builder = ApiKeys::builder(store.clone()).peppers(peppers());
        builder.accept_foreign_keys().build().expect("valid")
    };
    let work = |keys: &ApiKeys| {
        let (outcome, work) = authenticate(keys, FOREIGN);
        (outcome.is_ok(), work)
    };
    let empty = MemoryStore::new();
    let (is_accepted, unknown) = work(&scheme(&empty));
    assert!(!is_accepted);
    let store = MemoryStore::new();
    let digest = KeyDigest::of_text(FOREIGN, Some(&peppers()));
    let record = KeyRecord::foreign(digest, "a", NOW).expect("a record");
    store.insert([record]).expect("stored");
    assert_eq!(work(&scheme(&store)), (true, unknown));
    assert_eq!((unknown.digests, unknown.comparisons), (2, 2));
}
