//! The watched key file: changes, and the files that it rejects.
#![cfg(all(feature = "file", unix))]

mod support;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use portcullis_api_key::{FileStore, KeyFile, KeyFileError, NewKey};
use portcullis_core::clock::{Clock, UnixTime};
use support::{
    NOW,
    watched_file::{Wired, status, until},
};

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
    store.reload().expect("a valid file");
    assert_eq!(status(&keys, &key).await, 401);
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
    store.reload().expect("a valid file");
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
    let store = FileStore::watch(&wired.path).await.expect("a valid file");
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
    store.reload().expect("a valid file");
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

/// A clock that panics once after it is armed, but not on the test's thread.
#[derive(Debug)]
struct Trap {
    is_armed: AtomicBool,
    test: ThreadId,
}

impl portcullis_core::clock::Clock for Trap {
    fn now(&self) -> portcullis_core::clock::UnixTime {
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
        .expect("a valid file");
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
        panic!("the file is malformed");
    };
    assert_eq!(problems.len(), 100);
}

#[tokio::test]
async fn missing_file_at_start_says_how_to_create_it() {
    let wired = Wired::new();
    let error = FileStore::watch(&wired.path).await.expect_err("no file");
    let path = wired.path.display();
    let hint = format!("`portcullis keys create --store {path} --owner OWNER`");
    assert!(error.to_string().contains(&hint), "{error}");
    // As printed by a `main` that returns the error.
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
    assert_eq!(wired.file.list().expect("a readable file").len(), 1);
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
        panic!("the store needs a runtime");
    };
    assert_eq!(error.setting(), "FileStoreBuilder::start");
    assert!(error.problem().contains("`#[tokio::main]`"), "{error}");
}

#[tokio::test]
async fn panic_at_the_start_is_not_reported_as_an_unreadable_file() {
    #[derive(Debug)]
    struct Broken;

    impl Clock for Broken {
        fn now(&self) -> UnixTime {
            panic!("no time")
        }
    }

    let wired = Wired::new();
    wired.create("a");
    let store = FileStore::builder(&wired.path).clock(Arc::new(Broken));
    let error = store.start().await.expect_err("no time");
    assert!(error.to_string().starts_with("the watch of "), "{error}");
}
