//! The watched key file: what a service sees when it changes, becomes malformed, or disappears.
#![cfg(feature = "file")]

mod support;

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use portcullis_api_key::{ApiKeys, FileStore, IssuedKey, KeyFile, KeyFileError, NewKey};
use support::{ManualClock, NOW, send_key};
use tempfile::TempDir;

const MINUTE: Duration = Duration::from_secs(60);

struct Wired {
    directory: TempDir,
    path: PathBuf,
    file: KeyFile,
    clock: ManualClock,
}

impl Wired {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys.toml");
        let clock = ManualClock::new();
        let file = KeyFile::at(&path).clock(Arc::new(clock.clone()));
        Self {
            directory,
            path,
            file,
            clock,
        }
    }

    fn create(&self, owner: &str) -> IssuedKey {
        self.file.create(NewKey::new(owner)).expect("made")
    }

    async fn watch(&self, interval: Duration) -> (FileStore, ApiKeys) {
        let clock = Arc::new(self.clock.clone());
        let store = FileStore::builder(&self.path)
            .interval(interval)
            .clock(clock.clone())
            .start()
            .await
            .expect("a good file");
        let keys = ApiKeys::builder(store.clone()).clock(clock);
        (store, keys.build().expect("good settings"))
    }

    /// A store that in effect checks the file only in `reload`.
    async fn watch_by_hand(&self) -> (FileStore, ApiKeys) {
        self.watch(Duration::from_secs(4)).await
    }
}

/// Waits until the store meets the condition.
async fn until(store: &FileStore, mut is_met: impl FnMut(&FileStore) -> bool) {
    let waiting = async {
        while !is_met(store) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    waited.expect("it is met in time");
}

async fn status(keys: &ApiKeys, key: &IssuedKey) -> u16 {
    send_key(keys, key.key().expose()).await.status.as_u16()
}

#[tokio::test]
async fn watch_sees_changes() {
    let wired = Wired::new();
    let first = wired.create("a");
    let (store, keys) = wired.watch(Duration::from_millis(5)).await;
    assert_eq!(status(&keys, &first).await, 200);

    let second = wired.create("b");
    until(&store, |store| store.status().keys == 2).await;
    assert_eq!(status(&keys, &second).await, 200);

    wired.file.revoke(&first.key().id()).expect("revoked");
    until(&store, |store| {
        store.list().iter().any(|key| key.revoked_at.is_some())
    })
    .await;
    assert_eq!(status(&keys, &first).await, 401);
    assert_eq!(status(&keys, &second).await, 200);
}

#[tokio::test]
async fn revoked_key_is_rejected_after_the_next_check() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (store, keys) = wired.watch_by_hand().await;
    wired.file.revoke(&key.key().id()).expect("revoked");
    store.reload().expect("a good file");
    assert_eq!(status(&keys, &key).await, 401);
    let bounds = store.status();
    assert_eq!(bounds.revocation_bound, Duration::from_secs(5));
    assert_eq!(bounds.outage_limit, 15 * MINUTE);
}

#[cfg(unix)]
#[tokio::test]
async fn swapped_symlink_is_followed() {
    use std::os::unix::fs::symlink;

    // As Kubernetes mounts a secret: keys.toml → ..data/keys.toml, ..data → ..1, and then ..data → ..2.
    let mut wired = Wired::new();
    let root = wired.directory.path().to_owned();
    let key_in = |name: &str| {
        let directory = root.join(name);
        fs::create_dir(&directory).expect("a directory");
        let file = KeyFile::at(directory.join("keys.toml"));
        file.create(NewKey::new(name)).expect("made")
    };
    let point_to = |name: &str| {
        symlink(name, root.join("..new")).expect("a symlink");
        fs::rename(root.join("..new"), root.join("..data")).expect("swapped");
    };
    let first = key_in("..1");
    point_to("..1");
    wired.path = root.join("link.toml");
    symlink("..data/keys.toml", &wired.path).expect("a symlink");

    let (store, keys) = wired.watch(Duration::from_millis(5)).await;
    assert_eq!(status(&keys, &first).await, 200);
    let second = key_in("..2");
    point_to("..2");
    until(&store, |store| store.list()[0].owner == "..2".into()).await;
    assert_eq!(status(&keys, &first).await, 401);
    assert_eq!(status(&keys, &second).await, 200);
    fs::remove_dir_all(root.join("..1")).expect("removed");
    store.reload().expect("a good file");
}

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
        assert!(shown.contains("keys.toml: line "), "{shown}");
        assert_eq!(status(&keys, &key).await, 200, "{broken}");
        // It may be in the malformed file.
        assert_eq!(status(&keys, &late).await, 503, "{broken}");
    }
    fs::write(&wired.path, good).expect("written");
    store.reload().expect("a good file");
    let health = store.status();
    assert_eq!((health.last_error, health.failing_since), (None, None));
    assert_eq!(status(&keys, &late).await, 401);
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

    // This holds without another check, so that a check that hangs does not keep keys alive.
    wired.clock.advance(Duration::from_millis(1));
    for key in [&key, &ended] {
        let answer = send_key(&keys, key.key().expose()).await;
        assert_eq!(answer.status, 503);
        assert!((2..=10).contains(&answer.retry_after.expect("Retry-After")));
    }
    assert!(store.status().is_stale);
    assert_eq!(store.status().failing_since, Some(NOW));

    fs::rename(&aside, &wired.path).expect("moved");
    store.reload().expect("a good file");
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
async fn store_without_a_readable_file_does_not_start() {
    let wired = Wired::new();
    let missing = FileStore::watch(&wired.path).await.expect_err("no file");
    assert!(missing.to_string().contains("keys.toml"), "{missing}");
    assert!(std::error::Error::source(&missing).is_some());
    fs::write(&wired.path, "").expect("written");
    assert!(
        FileStore::watch(&wired.path).await.is_err(),
        "an empty file"
    );
    assert!(
        FileStore::watch(wired.directory.path()).await.is_err(),
        "a directory"
    );
    for interval in [Duration::ZERO, Duration::from_millis(4_001)] {
        let error = FileStore::builder(&wired.path)
            .interval(interval)
            .start()
            .await;
        let Err(KeyFileError::Config(error)) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.setting(), "interval");
    }
}

#[tokio::test]
async fn dropping_the_last_clone_stops_the_watch() {
    let wired = Wired::new();
    wired.create("a");
    let store = FileStore::watch(&wired.path).await.expect("a good file");
    let clone = store.clone();
    drop(store);
    assert_eq!(clone.status().keys, 1);
    // The task shares the clock until it has stopped.
    let clock = Arc::new(wired.clock.clone());
    let store = FileStore::builder(&wired.path).clock(clock.clone());
    let store = store.start().await;
    assert!(Arc::strong_count(&clock) > 1);
    drop(store);
    until(&clone, |_| Arc::strong_count(&clock) == 1).await;
}

#[tokio::test]
async fn unchanged_keys_keep_their_last_use() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (store, keys) = wired.watch_by_hand().await;
    assert_eq!(status(&keys, &key).await, 200);
    wired.create("b");
    store.reload().expect("a good file");
    let used: Vec<_> = store
        .list()
        .iter()
        .map(|key| (key.owner.to_string(), key.last_used_at))
        .collect();
    assert_eq!(used.len(), 2);
    for (owner, at) in used {
        assert_eq!(at, (owner == "a").then_some(NOW));
    }
}

#[tokio::test]
async fn change_that_keeps_length_and_times_is_seen() {
    let wired = Wired::new();
    wired.create("aaaa");
    let (store, _) = wired.watch(Duration::from_millis(5)).await;
    // Written in place with the same length: with coarse file times only the text differs.
    let text = fs::read_to_string(&wired.path).expect("readable");
    let modified = fs::metadata(&wired.path)
        .and_then(|file| file.modified())
        .expect("a time");
    fs::write(&wired.path, text.replace("aaaa", "bbbb")).expect("written");
    let file = fs::File::options()
        .write(true)
        .open(&wired.path)
        .expect("opened");
    file.set_modified(modified).expect("set back");
    until(&store, |store| store.list()[0].owner == "bbbb".into()).await;
}

#[tokio::test]
async fn outage_limit_holds_when_the_clock_is_set_back() {
    let wired = Wired::new();
    let key = wired.create("a");
    let clock = Arc::new(wired.clock.clone());
    let store = FileStore::builder(&wired.path)
        .interval(Duration::from_millis(1))
        .outage_limit(Duration::from_millis(20))
        .clock(clock.clone())
        .start()
        .await
        .expect("a good file");
    let keys = ApiKeys::builder(store.clone()).clock(clock).build();
    let keys = keys.expect("good settings");
    fs::remove_file(&wired.path).expect("removed");
    wired.clock.set_back(60 * MINUTE);
    until(&store, |store| store.status().is_stale).await;
    assert_eq!(status(&keys, &key).await, 503);

    wired.create("b");
    until(&store, |store| store.status().last_error.is_none()).await;
    assert!(!store.status().is_stale);
}

/// Panics once, when it is armed, on another thread than the test's.
#[derive(Debug)]
struct Trap {
    is_armed: AtomicBool,
    test: ThreadId,
}

impl portcullis_core::Clock for Trap {
    fn now(&self) -> portcullis_core::UnixTime {
        if thread::current().id() != self.test && self.is_armed.swap(false, SeqCst) {
            panic!("on purpose");
        }
        NOW
    }
}

#[tokio::test]
async fn panic_in_a_check_does_not_end_the_watch() {
    let wired = Wired::new();
    wired.create("a");
    let trap = Arc::new(Trap {
        is_armed: AtomicBool::new(false),
        test: thread::current().id(),
    });
    let store = FileStore::builder(&wired.path)
        .interval(Duration::from_millis(1))
        .clock(trap.clone())
        .start()
        .await
        .expect("a good file");
    trap.is_armed.store(true, SeqCst);
    until(&store, |_| !trap.is_armed.load(SeqCst)).await;
    wired.create("b");
    until(&store, |store| store.status().keys == 2).await;
}

/// Finding the line of a problem takes a pass over the text. Many problems must not keep the thread for hours.
#[test]
fn file_full_of_problems_is_rejected_quickly() {
    let wired = Wired::new();
    fs::write(
        &wired.path,
        format!("version = 1\n{}", "[[keys]]\n".repeat(2_000)),
    )
    .expect("written");
    let Err(KeyFileError::Malformed { problems, .. }) = wired.file.list() else {
        panic!("it is malformed");
    };
    assert_eq!(problems.len(), 100);
}

/// The path keeps leading to the old file, as a mount of the file does. The tests of `portcullis-file` use real mounts.
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
        let clock = Arc::new(wired.clock.clone());
        let store = FileStore::builder(&path).interval(Duration::from_secs(4));
        let store = store
            .clock(clock.clone())
            .start()
            .await
            .expect("a good file");
        let keys = ApiKeys::builder(store.clone()).clock(clock).build();
        let keys = keys.expect("good settings");

        wired.file.revoke(&key.key().id()).expect("revoked");
        let error = store.reload().expect_err("changes cannot be seen");
        assert!(matches!(error, KeyFileError::Read { .. }), "{error:?}");
        let health = store.status();
        assert_eq!(health.failing_since, Some(NOW));
        let told = health.last_error.expect("an error");
        assert!(told.contains("mount its directory"), "{told}");

        // The file was last confirmed before the revocation, so the outage limit starts there.
        assert_eq!(status(&keys, &key).await, 200);
        wired.clock.advance(15 * MINUTE + Duration::from_millis(1));
        assert!(store.status().is_stale);
        assert_eq!(status(&keys, &key).await, 503);

        // A service that starts now must not take the old keys for today's.
        assert!(FileStore::watch(&path).await.is_err());
    }
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

/// `portcullis keys create` would start an empty file in place of the one that was lost.
#[tokio::test]
async fn file_deleted_while_running_is_to_be_restored() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (store, keys) = wired.watch_by_hand().await;
    fs::remove_file(&wired.path).expect("removed");
    let error = store.reload().expect_err("no file");
    assert!(matches!(error, KeyFileError::Read { was_read: true, .. }));
    for told in [
        error.to_string(),
        store.status().last_error.expect("an error"),
    ] {
        assert!(told.contains("restore it from a backup"), "{told}");
        assert!(!told.contains("keys create"), "{told}");
    }
    assert_eq!(status(&keys, &key).await, 200);
}

#[tokio::test]
async fn missing_file_at_start_says_how_to_create_it() {
    let wired = Wired::new();
    let error = FileStore::watch(&wired.path).await.expect_err("no file");
    let path = wired.path.display();
    let hint = format!("`portcullis keys create --store {path} --owner OWNER`");
    assert!(error.to_string().contains(&hint), "{error}");
    // As a `main` prints it that returns the error.
    let printed = format!("{error:?}");
    assert!(printed.starts_with(&error.to_string()), "{printed}");
    assert!(printed.contains("caused by: No such file"), "{printed}");
}

#[tokio::test]
async fn file_truncated_between_two_keys_is_rejected() {
    let wired = Wired::new();
    for owner in ["a", "b", "c"] {
        wired.create(owner);
    }
    let text = fs::read_to_string(&wired.path).expect("readable");
    for (at, _) in text.match_indices("[[keys]]") {
        fs::write(&wired.path, &text[..at]).expect("written");
        let error = FileStore::watch(&wired.path).await.expect_err("cut short");
        assert!(error.to_string().contains("cut short"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn file_that_every_user_may_write_is_rejected() {
    use std::os::unix::fs::PermissionsExt;

    let wired = Wired::new();
    wired.create("a");
    let (store, _) = wired.watch_by_hand().await;
    let set = |mode| fs::set_permissions(&wired.path, fs::Permissions::from_mode(mode));
    for mode in [0o602, 0o666, 0o622] {
        set(mode).expect("set");
        for error in [
            store.reload().expect_err("refused"),
            FileStore::watch(&wired.path).await.expect_err("refused"),
            wired.file.create(NewKey::new("b")).expect_err("refused"),
        ] {
            let cause = std::error::Error::source(&error)
                .expect("a cause")
                .to_string();
            assert!(cause.contains("chmod o-w"), "{mode:o}: {cause}");
        }
    }
    assert_eq!(store.status().failing_since, Some(NOW));
    set(0o660).expect("set");
    store.reload().expect("accepted");
    assert!(store.status().warnings.is_empty());

    set(0o644).expect("set");
    store.reload().expect("accepted");
    let warnings = store.status().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("every user may read it"),
        "{warnings:?}"
    );

    set(0o666).expect("set");
    let accepted = FileStore::builder(&wired.path).dangerous_accept_writable_by_everyone();
    let accepted = accepted.start().await.expect("accepted");
    assert_eq!(accepted.status().warnings.len(), 2);
    assert_eq!(wired.file.list().expect("to be looked at").len(), 1);
    let file = wired.file.clone().dangerous_accept_writable_by_everyone();
    file.create(NewKey::new("b")).expect("accepted");
}

#[test]
fn store_without_a_runtime_does_not_start() {
    let wired = Wired::new();
    wired.create("a");
    let starting = std::pin::pin!(FileStore::watch(&wired.path));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(KeyFileError::Config(error))) = starting.poll(&mut context)
    else {
        panic!("it needs a runtime");
    };
    assert_eq!(error.setting(), "start");
}

/// Without its task the store cannot see a revocation, so the outage limit must run.
#[tokio::test]
async fn end_of_the_runtime_is_an_outage() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (path, clock) = (wired.path.clone(), Arc::new(wired.clock.clone()));
    let store = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let store = FileStore::builder(path).clock(clock);
        runtime.block_on(store.start()).expect("a good file")
    });
    let store = store.join().expect("no panic");
    let keys = ApiKeys::builder(store.clone())
        .clock(Arc::new(wired.clock.clone()))
        .build()
        .expect("good settings");
    let health = store.status();
    let told = health.last_error.expect("an error");
    assert!(told.contains("no longer checked"), "{told}");
    assert_eq!(health.failing_since, Some(NOW));
    assert_eq!(status(&keys, &key).await, 200);
    // A success of `reload` does not hide that nothing watches the file.
    store.reload().expect("a good file");
    assert!(store.status().last_error.is_some());
    wired.clock.advance(15 * MINUTE + Duration::from_millis(1));
    assert_eq!(status(&keys, &key).await, 503);
    assert!(store.status().is_stale);
}
