//! The watched key file: the outages when it becomes malformed or disappears, or when its watch stops.
#![cfg(all(feature = "file", unix))]

mod support;

use std::{fs, path::PathBuf, sync::mpsc, thread, time::Duration};

use portcullis_api_key::{FileStore, IssuedKey, KeyFileError, KeyRecord, NewKey};
use support::{
    NOW, send_key,
    watched_file::{MINUTE, Wired, status, until},
};

#[tokio::test]
async fn malformed_file_does_not_replace_keys() {
    let wired = Wired::new();
    let key = wired.create("a");
    let good = fs::read_to_string(&wired.path).expect("readable");
    let (store, keys) = wired.watch_by_hand().await;
    let late = wired.create("b");
    for broken in [
        String::new(),
        "\0".to_owned(),
        "<html>".to_owned(),
        "keys = []".to_owned(),
        "version = 2".to_owned(),
        good[..good.len() - 3].to_owned(),
        format!("{good}{}", good.replace("version = 1", "")),
        good.replace("owner", "onwer"),
        good.replace("sha256:", "sha256:0"),
    ] {
        fs::write(&wired.path, &broken).expect("written");
        for _ in 0..2 {
            let error = store.reload().expect_err(&broken);
            assert!(matches!(error, KeyFileError::Malformed { .. }), "{error:?}");
        }
        let health = store.status();
        assert_eq!(health.keys, 1);
        assert_eq!(health.failing_since, Some(NOW));
        let shown = health.last_error.expect("an error");
        assert!(shown.contains("keys.toml is invalid: line "), "{shown}");
        assert_eq!(status(&keys, &key).await, 200, "{broken}");
        // The malformed file may contain the unknown key.
        assert_eq!(status(&keys, &late).await, 503, "{broken}");
    }
    fs::write(&wired.path, good).expect("written");
    store.reload().expect("a valid file");
    let health = store.status();
    assert_eq!((health.last_error, health.failing_since), (None, None));
    assert_eq!(status(&keys, &late).await, 401);
}

#[tokio::test]
async fn file_that_is_not_utf_8_is_malformed() {
    let wired = Wired::new();
    wired.create("a");
    let (store, _) = wired.watch_by_hand().await;
    fs::write(&wired.path, b"version = 1\n# \xff\n").expect("written");
    let error = store.reload().expect_err("not UTF-8");
    assert!(matches!(error, KeyFileError::Malformed { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("keys.toml is invalid: it is not UTF-8")
    );
    assert_eq!(store.status().reason, Some("malformed"));
}

#[tokio::test]
async fn outage_past_the_limit_is_503() {
    let wired = Wired::new();
    let (key, ended) = (wired.create("a"), wired.create("b"));
    wired.file.revoke(&ended.key().id()).expect("revoked");
    let (store, keys) = wired.watch_by_hand().await;
    let aside = wired.directory.path().join("aside");
    fs::rename(&wired.path, &aside).expect("moved");
    assert!(matches!(store.reload(), Err(KeyFileError::Read { .. })));

    wired.clock.advance(15 * MINUTE);
    assert_eq!(status(&keys, &key).await, 200);
    assert_eq!(status(&keys, &ended).await, 401);
    assert!(!store.status().is_stale);

    // The limit needs no further check, so a hanging check does not extend it.
    wired.clock.advance(Duration::from_millis(1));
    for key in [&key, &ended] {
        let answer = send_key(&keys, key.key().expose()).await;
        assert_eq!(answer.status, 503);
        assert!((2..=10).contains(&answer.retry_after.expect("Retry-After")));
    }
    assert!(store.status().is_stale);
    assert_eq!(store.status().failing_since, Some(NOW));

    fs::rename(&aside, &wired.path).expect("moved");
    store.reload().expect("a valid file");
    assert_eq!(status(&keys, &key).await, 200);
    assert_eq!(status(&keys, &ended).await, 401);
    assert!(!store.status().is_stale);
}

#[tokio::test]
async fn unchanged_file_does_not_become_stale() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (_store, keys) = wired.watch_by_hand().await;
    wired.clock.advance(60 * MINUTE);
    assert_eq!(status(&keys, &key).await, 200);
}

#[tokio::test]
async fn outage_limit_holds_when_the_clock_is_set_back() {
    let wired = Wired::new();
    let key = wired.create("a");
    let store = FileStore::builder(&wired.path)
        .interval(Duration::from_millis(1))
        .outage_limit(Duration::from_millis(20));
    let (store, keys) = wired.start(store).await;
    fs::remove_file(&wired.path).expect("removed");
    wired.clock.set_back(60 * MINUTE);
    until(&store, |store| store.status().is_stale).await;
    assert_eq!(status(&keys, &key).await, 503);

    wired.create("b");
    until(&store, |store| store.status().last_error.is_none()).await;
    assert!(!store.status().is_stale);
}

/// The path still leads to the old file, like a mount of that file. The tests of `portcullis-file` use real mounts.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn replaced_source_of_a_mounted_file_is_an_outage() {
    use std::os::fd::AsRawFd;

    for linked_twice in [false, true] {
        let wired = Wired::new();
        let key = wired.create("a");
        if linked_twice {
            let backup = wired.directory.path().join("backup");
            fs::hard_link(&wired.path, backup).expect("linked");
        }
        let mounted = fs::File::open(&wired.path).expect("opened");
        let path = PathBuf::from(format!("/proc/self/fd/{}", mounted.as_raw_fd()));
        let store = FileStore::builder(&path).interval(Duration::from_secs(4));
        let (store, keys) = wired.start(store).await;

        wired.file.revoke(&key.key().id()).expect("revoked");
        let error = store.reload().expect_err("changes cannot be seen");
        assert!(matches!(error, KeyFileError::Read { .. }), "{error:?}");
        let health = store.status();
        assert_eq!(health.failing_since, Some(NOW));
        let message = health.last_error.expect("an error");
        assert!(message.contains("mount its directory"), "{message}");

        // The file was last confirmed before the revocation, so the outage limit starts there.
        assert_eq!(status(&keys, &key).await, 200);
        wired.clock.advance(15 * MINUTE + Duration::from_millis(1));
        assert!(store.status().is_stale);
        assert_eq!(status(&keys, &key).await, 503);

        // A service that starts now must not trust the old keys.
        assert!(FileStore::watch(&path).await.is_err());
    }
}

/// The advice is not `portcullis keys create`, which would start an empty file.
#[tokio::test]
async fn file_deleted_while_running_is_to_be_restored() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (store, keys) = wired.watch_by_hand().await;
    fs::remove_file(&wired.path).expect("removed");
    let error = store.reload().expect_err("no file");
    assert!(matches!(error, KeyFileError::Read { was_read: true, .. }));
    for message in [
        error.to_string(),
        store.status().last_error.expect("an error"),
    ] {
        assert!(message.contains("restore it from a backup"), "{message}");
        assert!(!message.contains("keys create"), "{message}");
    }
    assert_eq!(status(&keys, &key).await, 200);
}

#[test]
fn revocation_is_seen_although_the_runtime_stalls_or_has_ended() {
    let wired = Wired::new();
    let (first, second) = (wired.create("a"), wired.create("b"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    let (_unblock, blocked) = mpsc::channel::<()>();
    let (store, keys) = runtime.block_on(async {
        let (store, keys) = wired.watch(Duration::from_millis(5)).await;
        tokio::task::spawn_blocking(move || blocked.recv());
        wired.file.revoke(&first.key().id()).expect("revoked");
        // Nothing is awaited, so the runtime makes no progress.
        wait_for_revocations(&store, 1);
        assert_eq!(status(&keys, &first).await, 401);
        (store, keys)
    });
    runtime.shutdown_background();
    wired.file.revoke(&second.key().id()).expect("revoked");
    wait_for_revocations(&store, 2);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let answer = runtime.expect("a runtime").block_on(status(&keys, &second));
    assert_eq!(answer, 401);
    assert_eq!(store.status().last_error, None);
}

/// Blocks its thread.
fn wait_for_revocations(store: &FileStore, count: usize) {
    let is_revoked = |key: &KeyRecord| key.revoked_at.is_some();
    for _ in 0..5_000 {
        if store.list().into_iter().filter(is_revoked).count() == count {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("the revocation was not seen");
}

#[tokio::test]
async fn known_and_unknown_ids_get_the_same_answer() {
    let wired = Wired::new();
    let (known, other) = (wired.create("a"), wired.create("b"));
    // The record of `b` gets the digest of `a`, so that the secret of `b` is wrong.
    let digest = |key: &IssuedKey| key.record().digest.to_string();
    let text = fs::read_to_string(&wired.path).expect("readable");
    let text = text.replace(&digest(&other), &digest(&known));
    fs::write(&wired.path, text).expect("written");
    let (store, keys) = wired.watch_by_hand().await;
    let unknown = NewKey::new("c").issue(NOW, None).expect("made");

    for is_failing in [false, true] {
        if is_failing {
            fs::write(&wired.path, "broken").expect("written");
            store.reload().expect_err("broken");
        }
        let wrong = send_key(&keys, other.key().expose()).await;
        let unknown = send_key(&keys, unknown.key().expose()).await;
        let expected = if is_failing { 503 } else { 401 };
        assert_eq!(wrong.status, expected, "a known id");
        assert_eq!(unknown.status, expected, "an unknown id");
        assert_eq!(wrong.challenge, unknown.challenge);
        assert_eq!(wrong.body, unknown.body);
        assert_eq!(wrong.retry_after.is_some(), unknown.retry_after.is_some());
        assert_eq!(status(&keys, &known).await, 200);
    }
}
