//! A process without a free file descriptor still sees that a key is revoked. The test has its own process, because it
//! uses all descriptors.
#![cfg(all(feature = "file", unix))]

mod support;

use std::{
    fs,
    fs::File,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use portcullis_api_key::{ApiKeys, FileStore, KeyFile, NewKey};
use rustix::process::{Resource, getrlimit, setrlimit};
use support::{ManualClock, send_key, watched_file::until};

const BOUND: Duration = Duration::from_secs(5);

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
    let revoked = KeyFile::at(&next).clock(clock.clone());
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

    // A key that is revoked while another thread takes even the reserve. The status says at once that changes are not seen.
    taken.truncate(20);
    let key = KeyFile::at(&path).clock(clock.clone());
    let key = key.create(NewKey::new("b")).expect("made");
    store.reload().expect("readable");
    fs::copy(&path, &next).expect("copied");
    let revoked = KeyFile::at(&next).clock(clock.clone());
    revoked.revoke(&key.key().id()).expect("revoked");
    let taken = Arc::new(Mutex::new(taken));
    let stop = Arc::new(AtomicBool::new(false));
    let competitor = thread::spawn({
        let (taken, stop) = (taken.clone(), stop.clone());
        move || {
            while !stop.load(Relaxed) {
                let opened = File::open("/dev/null");
                taken.lock().expect("not poisoned").extend(opened);
            }
        }
    });
    until(&store, |store| store.reload().is_err()).await;
    let health = store.status();
    assert!(health.failing_since.is_some());
    assert_eq!(health.reason, Some("no free file descriptor"));
    assert_eq!(
        health.accepted_until,
        Some(health.confirmed_at.saturating_add(BOUND))
    );
    let told = health.last_error.expect("an error");
    assert!(told.contains("raise the limit of open files"), "{told}");
    fs::rename(&next, &path).expect("replaced");
    assert_eq!(send_key(&keys, key.key().expose()).await.status, 200);
    clock.advance(BOUND + Duration::from_millis(1));
    assert_eq!(send_key(&keys, key.key().expose()).await.status, 503);
    assert!(store.status().is_stale);
    // Another failure does not make the keys good again.
    fs::rename(&path, &next).expect("moved");
    store.reload().expect_err("no file");
    assert_eq!(store.status().reason, Some("missing"));
    assert_eq!(send_key(&keys, key.key().expose()).await.status, 503);
    fs::rename(&next, &path).expect("moved");

    // The store reads the file by itself once a descriptor is free.
    stop.store(true, Relaxed);
    competitor.join().expect("no panic");
    taken.lock().expect("not poisoned").pop();
    until(&store, |store| store.status().last_error.is_none()).await;
    assert_eq!(send_key(&keys, key.key().expose()).await.status, 401);
}
