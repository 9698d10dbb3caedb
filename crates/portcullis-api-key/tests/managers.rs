//! Random steps over stores give what a plain model gives: no revoked or expired key is accepted, and no live one is refused.
//!
//! `PORTCULLIS_MODEL_STEPS` sets the number of steps, of which a tenth goes to the key file, and `PORTCULLIS_MODEL_SEED` repeats a run.

mod model;
mod support;

use std::{sync::Arc, time::Duration};

use model::{Random, Run, Subject, seed, steps};
use portcullis_api_key::{ApiKeys, KeyStore, MemoryStore, Peppers};
use portcullis_core::{Secret, clock::SharedClock};
use support::ManualClock;

fn peppers() -> Peppers {
    Peppers::new(1, &Secret::new(vec![1; 32])).expect("long enough")
}

fn scheme(store: impl KeyStore, clock: SharedClock) -> ApiKeys {
    let keys = ApiKeys::builder(store).peppers(peppers()).clock(clock);
    keys.accept_foreign_keys().build().expect("valid")
}

#[tokio::test]
async fn memory_store_follows_the_model() {
    let clock = ManualClock::new();
    let shared: SharedClock = Arc::new(clock.clone());
    let store = MemoryStore::new().clock(shared.clone()).peppers(peppers());
    let subject = Subject {
        manager: Box::new(store.clone()),
        keys: scheme(store, shared),
        refresh: Box::new(|| ()),
    };
    let run = Run::new(subject, clock, Random::new(seed()));
    run.steps(steps() * 9 / 10).await;
}

#[cfg(all(feature = "file", unix))]
#[tokio::test]
async fn key_file_follows_the_model() {
    use portcullis_api_key::{FileStore, KeyFile, KeyManager, NewKey};
    use support::NOW;

    // In memory if possible: thousands of writes would wait for a disk.
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let directory = directory.expect("a directory");
    let path = directory.path().join("keys.toml");
    let clock = ManualClock::new();
    let shared: SharedClock = Arc::new(clock.clone());
    let file = KeyFile::at(&path).clock(shared.clone()).peppers(peppers());
    // A file without keys.
    file.create(NewKey::new("first")).expect("made");
    let end = NOW.saturating_add(Duration::from_secs(1 << 32));
    assert_eq!(file.purge(end).await, Ok(1));
    let store = FileStore::builder(&path).clock(shared.clone());
    let store = store.start().await.expect("a valid file");
    let subject = Subject {
        manager: Box::new(file),
        keys: scheme(store.clone(), shared),
        refresh: Box::new(move || store.reload().expect("a valid file")),
    };
    let run = Run::new(subject, clock, Random::new(seed()));
    run.steps(steps() / 10).await;
}
