//! The watched key file: what a service sees when it changes, breaks or goes.
#![cfg(feature = "file")]

mod support;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use portcullis_api_key::{ApiKeys, FileStore, IssuedKey, KeyFile, KeyFileError, NewKey};
use support::{ManualClock, NOW, send_key};
use tempfile::TempDir;

/// Far longer than anything here takes: only a failing test waits for so long.
const SOON: Duration = Duration::from_secs(20);
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

    fn watch(&self, interval: Duration) -> (FileStore, ApiKeys) {
        let clock = Arc::new(self.clock.clone());
        let store = FileStore::builder(&self.path)
            .interval(interval)
            .clock(clock.clone())
            .build()
            .expect("a good file");
        let keys = ApiKeys::builder(store.clone()).clock(clock);
        (store, keys.build().expect("good settings"))
    }

    /// A store that looks only when told to.
    fn watch_by_hand(&self) -> (FileStore, ApiKeys) {
        self.watch(Duration::from_secs(4))
    }
}

async fn status(keys: &ApiKeys, key: &IssuedKey) -> u16 {
    send_key(keys, key.key().expose()).await.status.as_u16()
}

#[tokio::test]
async fn changes_are_seen_by_the_thread() {
    let wired = Wired::new();
    let first = wired.create("a");
    let (store, keys) = wired.watch(Duration::from_millis(5));
    assert_eq!(status(&keys, &first).await, 200);

    let second = wired.create("b");
    assert!(store.wait_for(SOON, |status| status.keys == 2));
    assert_eq!(status(&keys, &second).await, 200);

    wired.file.revoke(&first.key().id()).expect("revoked");
    let loaded = |store: &FileStore| store.list().iter().any(|key| key.revoked_at().is_some());
    while !loaded(&store) {
        let checked = store.status();
        assert!(store.wait_for(SOON, |status| *status != checked || loaded(&store)));
    }
    assert_eq!(status(&keys, &first).await, 401);
    assert_eq!(status(&keys, &second).await, 200);
}

#[tokio::test]
async fn a_revoked_key_is_refused_from_the_next_look_on() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (store, keys) = wired.watch_by_hand();
    wired.file.revoke(&key.key().id()).expect("revoked");
    store.reload().expect("a good file");
    assert_eq!(status(&keys, &key).await, 401);
    let bounds = store.status();
    assert_eq!(bounds.revocation_bound, Duration::from_secs(5));
    assert_eq!(bounds.outage_limit, 15 * MINUTE);
}

#[cfg(unix)]
#[tokio::test]
async fn a_swapped_symlink_is_noticed() {
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

    let (store, keys) = wired.watch(Duration::from_millis(5));
    assert_eq!(status(&keys, &first).await, 200);
    let second = key_in("..2");
    point_to("..2");
    let owner = |store: &FileStore| store.list()[0].owner().to_owned();
    while owner(&store) == "..1" {
        let checked = store.status();
        assert!(store.wait_for(SOON, |status| *status != checked || owner(&store) == "..2"));
    }
    assert_eq!(status(&keys, &first).await, 401);
    assert_eq!(status(&keys, &second).await, 200);
    fs::remove_dir_all(root.join("..1")).expect("removed");
    store.reload().expect("a good file");
}

#[tokio::test]
async fn a_broken_file_never_replaces_good_keys() {
    let wired = Wired::new();
    let key = wired.create("a");
    let good = fs::read_to_string(&wired.path).expect("readable");
    let (store, keys) = wired.watch_by_hand();
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
        // It may be in the file that we cannot read.
        assert_eq!(status(&keys, &late).await, 503, "{broken}");
    }
    fs::write(&wired.path, good).expect("written");
    store.reload().expect("a good file");
    let health = store.status();
    assert_eq!((health.last_error, health.failing_since), (None, None));
    assert_eq!(status(&keys, &late).await, 401);
}

#[tokio::test]
async fn an_outage_that_lasts_is_503() {
    let wired = Wired::new();
    let (key, ended) = (wired.create("a"), wired.create("b"));
    wired.file.revoke(&ended.key().id()).expect("revoked");
    let (store, keys) = wired.watch_by_hand();
    let aside = wired.directory.path().join("aside");
    fs::rename(&wired.path, &aside).expect("moved");
    assert!(matches!(store.reload(), Err(KeyFileError::Read { .. })));

    wired.clock.advance(15 * MINUTE);
    assert_eq!(status(&keys, &key).await, 200);
    assert_eq!(status(&keys, &ended).await, 401);
    assert!(!store.status().is_stale);

    // From here on nobody need look for it to hold: a look that hangs must not keep keys alive.
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
async fn a_quiet_file_does_not_grow_stale() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (_store, keys) = wired.watch_by_hand();
    wired.clock.advance(60 * MINUTE);
    assert_eq!(status(&keys, &key).await, 200);
}

#[test]
fn a_service_does_not_start_without_its_keys() {
    let wired = Wired::new();
    let missing = FileStore::watch(&wired.path).expect_err("no file");
    assert!(missing.to_string().contains("keys.toml"), "{missing}");
    assert!(std::error::Error::source(&missing).is_some());
    fs::write(&wired.path, "").expect("written");
    assert!(FileStore::watch(&wired.path).is_err(), "an empty file");
    assert!(
        FileStore::watch(wired.directory.path()).is_err(),
        "a directory"
    );
    for interval in [Duration::ZERO, Duration::from_millis(4_001)] {
        let error = FileStore::builder(&wired.path).interval(interval).build();
        let Err(KeyFileError::Config(error)) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.setting(), "interval");
    }
}

#[test]
fn dropping_the_last_clone_ends_the_thread() {
    let wired = Wired::new();
    wired.create("a");
    let store = FileStore::watch(&wired.path).expect("a good file");
    let clone = store.clone();
    drop(store);
    assert_eq!(clone.status().keys, 1);
    // The thread shares the clock: once it has ended, nobody else does.
    let clock = Arc::new(wired.clock.clone());
    let store = FileStore::builder(&wired.path).clock(clock.clone()).build();
    assert!(Arc::strong_count(&clock) > 1);
    drop(store);
    assert_eq!(Arc::strong_count(&clock), 1);
}

#[tokio::test]
async fn unchanged_keys_keep_their_last_use() {
    let wired = Wired::new();
    let key = wired.create("a");
    let (store, keys) = wired.watch_by_hand();
    assert_eq!(status(&keys, &key).await, 200);
    wired.create("b");
    store.reload().expect("a good file");
    let used: Vec<_> = store
        .list()
        .iter()
        .map(|key| (key.owner().to_owned(), key.last_used_at()))
        .collect();
    assert_eq!(used.len(), 2);
    for (owner, at) in used {
        assert_eq!(at, (owner == "a").then_some(NOW));
    }
}

#[test]
fn a_change_that_keeps_length_and_times_is_seen() {
    let wired = Wired::new();
    wired.create("aaaa");
    let (store, _) = wired.watch(Duration::from_millis(5));
    // In place, at once, the same length: on a file system with coarse times only the text differs.
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
    let owner = |store: &FileStore| store.list()[0].owner().to_owned();
    while owner(&store) == "aaaa" {
        let checked = store.status();
        assert!(store.wait_for(SOON, |status| *status != checked || owner(&store) == "bbbb"));
    }
}

/// A clock that is set back, as a correction does, must not prolong the time for which unconfirmed keys are accepted.
#[tokio::test]
async fn the_outage_limit_holds_when_the_clock_is_set_back() {
    let wired = Wired::new();
    let key = wired.create("a");
    let clock = Arc::new(wired.clock.clone());
    let store = FileStore::builder(&wired.path)
        .interval(Duration::from_millis(1))
        .outage_limit(Duration::from_millis(20))
        .clock(clock.clone())
        .build()
        .expect("a good file");
    let keys = ApiKeys::builder(store.clone()).clock(clock).build();
    let keys = keys.expect("good settings");
    fs::remove_file(&wired.path).expect("removed");
    wired.clock.set_back(60 * MINUTE);
    assert!(store.wait_for(SOON, |status| status.is_stale));
    assert_eq!(status(&keys, &key).await, 503);

    wired.create("b");
    assert!(store.wait_for(SOON, |status| status.last_error.is_none()));
    assert!(!store.status().is_stale);
}

/// Panics once in the thread of the store.
#[derive(Debug)]
struct Trap(std::sync::atomic::AtomicBool);

impl portcullis_core::Clock for Trap {
    fn now(&self) -> portcullis_core::UnixTime {
        let watching = std::thread::current().name() == Some("portcullis-keys");
        if watching && !self.0.swap(true, std::sync::atomic::Ordering::SeqCst) {
            panic!("on purpose");
        }
        NOW
    }
}

#[test]
fn a_panic_does_not_end_the_watch() {
    let wired = Wired::new();
    wired.create("a");
    let trap = Arc::new(Trap(false.into()));
    let store = FileStore::builder(&wired.path)
        .interval(Duration::from_millis(1))
        .clock(trap.clone())
        .build()
        .expect("a good file");
    // The first look has panicked once a later one is over.
    assert!(store.wait_for(SOON, |_| trap.0.load(std::sync::atomic::Ordering::SeqCst)));
    wired.create("b");
    assert!(store.wait_for(SOON, |status| status.keys == 2));
}

/// Finding the line of a problem takes a walk through the text: a file of nothing but problems must not keep the
/// thread for hours, in which no good file would be seen.
#[test]
fn a_file_full_of_problems_is_refused_soon() {
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

/// What the file was that a path keeps leading to, although it was replaced: a mount of the file itself does so. A real
/// mount is in the tests of `portcullis-file`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_mounted_file_that_was_replaced_is_not_confirmed() {
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
        let store = store.clock(clock.clone()).build().expect("a good file");
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
        assert!(FileStore::watch(&path).is_err());
    }
}

#[tokio::test]
async fn a_known_id_cannot_be_told_from_an_unknown_one() {
    let wired = Wired::new();
    let (known, other) = (wired.create("a"), wired.create("b"));
    // The key that was sent is not the one that the record is about: it has the id alone.
    let digest = |key: &IssuedKey| key.record().digest().to_string();
    let text = fs::read_to_string(&wired.path).expect("readable");
    let text = text.replace(&digest(&other), &digest(&known));
    fs::write(&wired.path, text).expect("written");
    let (store, keys) = wired.watch_by_hand();
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

#[test]
fn a_missing_file_says_how_to_make_one() {
    let wired = Wired::new();
    let error = FileStore::watch(&wired.path).expect_err("no file");
    let path = wired.path.display();
    let hint = format!("`portcullis keys create --store {path} --owner OWNER`");
    assert!(error.to_string().contains(&hint), "{error}");
    // As a `main` prints it that returns the error.
    let printed = format!("{error:?}");
    assert!(printed.starts_with(&error.to_string()), "{printed}");
    assert!(printed.contains("caused by: No such file"), "{printed}");
}

#[test]
fn a_file_that_was_cut_short_between_two_keys_is_refused() {
    let wired = Wired::new();
    for owner in ["a", "b", "c"] {
        wired.create(owner);
    }
    let text = fs::read_to_string(&wired.path).expect("readable");
    for (at, _) in text.match_indices("[[keys]]") {
        fs::write(&wired.path, &text[..at]).expect("written");
        let error = FileStore::watch(&wired.path).expect_err("cut short");
        assert!(error.to_string().contains("cut short"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_everyone_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let wired = Wired::new();
    wired.create("a");
    let (store, _) = wired.watch_by_hand();
    let set = |mode| fs::set_permissions(&wired.path, fs::Permissions::from_mode(mode));
    for mode in [0o602, 0o666, 0o622] {
        set(mode).expect("set");
        for error in [
            store.reload().expect_err("refused"),
            FileStore::watch(&wired.path).expect_err("refused"),
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
    let accepted = accepted.build().expect("accepted");
    assert_eq!(accepted.status().warnings.len(), 2);
    assert_eq!(wired.file.list().expect("to be looked at").len(), 1);
    let file = wired.file.clone().dangerous_accept_writable_by_everyone();
    file.create(NewKey::new("b")).expect("accepted");
}
