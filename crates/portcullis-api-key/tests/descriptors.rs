//! A process without a free file descriptor still sees that a key is revoked. The test has its own process, because it
//! uses all descriptors.
#![cfg(all(feature = "file", unix))]

mod support;

use std::{fs, fs::File, sync::Arc, time::Duration};

use portcullis_api_key::{ApiKeys, FileStore, KeyFile, NewKey};
use rustix::process::{Resource, getrlimit, setrlimit};
use support::{ManualClock, send_key};

#[tokio::test]
async fn revocation_is_seen_without_a_free_descriptor() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, next) = (
        directory.path().join("keys.toml"),
        directory.path().join("next.toml"),
    );
    let clock = Arc::new(ManualClock::new());
    let file = KeyFile::at(&path).clock(clock.clone());
    let key = file.create(NewKey::new("a")).expect("made");
    let store = FileStore::builder(&path)
        .interval(Duration::from_secs(4))
        .clock(clock.clone())
        .start()
        .await
        .expect("a valid file");
    let keys = ApiKeys::builder(store.clone()).clock(clock.clone()).build();
    let keys = keys.expect("valid settings");

    // Renaming needs no descriptor.
    fs::copy(&path, &next).expect("copied");
    let revoked = KeyFile::at(&next).clock(clock);
    revoked.revoke(&key.key().id()).expect("revoked");
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(64);
    setrlimit(Resource::Nofile, limit).expect("lowered");
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    assert!(!taken.is_empty());

    for round in 1..=3 {
        store
            .reload()
            .unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        assert_eq!(send_key(&keys, key.key().expose()).await.status, 200);
    }
    fs::rename(&next, &path).expect("replaced");
    store.reload().expect("readable");
    assert_eq!(send_key(&keys, key.key().expose()).await.status, 401);

    // If the reserved descriptor does not help either, the status reports at once that changes are not seen.
    limit.current = Some(0);
    setrlimit(Resource::Nofile, limit).expect("lowered");
    store.reload().expect_err("no descriptor");
    let health = store.status();
    assert!(health.failing_since.is_some());
    let message = health.last_error.expect("an error");
    assert!(message.contains("Too many open files"), "{message}");
    limit.current = Some(64);
    setrlimit(Resource::Nofile, limit).expect("raised");
    drop(taken);
    store.reload().expect("readable");
    assert_eq!(store.status().last_error, None);
}
