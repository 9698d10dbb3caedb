//! A key file behind the interface of every store.
#![cfg(all(feature = "file", unix))]

mod support;

use std::{fs, sync::Arc, time::Duration};

use portcullis_api_key::{
    Created, Idempotency, Imported, KeyError, KeyFile, KeyManager, KeyQuery, KeyRecord,
    ManageError, NewKey,
};
use support::{ManualClock, NOW};
use tempfile::TempDir;

const MINUTE: Duration = Duration::from_secs(60);

fn file() -> (TempDir, KeyFile, ManualClock) {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = ManualClock::new();
    let file = KeyFile::at(directory.path().join("keys.toml")).clock(Arc::new(clock.clone()));
    (directory, file, clock)
}

async fn create(file: &impl KeyManager, new: NewKey) -> KeyRecord {
    let created = file.create(new).await.expect("made");
    created.record().clone()
}

fn record(owner: &str) -> KeyRecord {
    let issued = NewKey::new(owner).issue(NOW, None).expect("made");
    issued.record().clone()
}

fn request(key: u8, request: u8) -> NewKey {
    NewKey::new("a").idempotency(Idempotency {
        key: [key; 32],
        request: [request; 32],
    })
}

#[tokio::test]
async fn repeated_request_creates_no_second_key() {
    let (_directory, file, _) = file();
    let first = create(&file, request(1, 1)).await;
    let again = KeyManager::create(&file, request(1, 1))
        .await
        .expect("made");
    assert!(matches!(again, Created::Before(before) if before == first));
    let other = KeyManager::create(&file, request(1, 2)).await;
    assert_eq!(other.expect_err("reused"), ManageError::IdempotencyConflict);
    create(&file, request(2, 1)).await;
    assert_eq!(file.list().expect("listed").len(), 2);
}

#[tokio::test]
async fn import_stores_all_records_or_none() {
    let (_directory, file, _) = file();
    let (a, b, mut other) = (record("a"), record("b"), record("c"));
    let outcome = |stored, skipped| Ok(Imported { stored, skipped });
    assert_eq!(file.import(vec![a.clone(), b.clone()]).await, outcome(2, 0));
    assert_eq!(
        file.import(vec![record("d"), a.clone()]).await,
        outcome(1, 1)
    );

    let before = file.list().expect("listed");
    let conflict = KeyRecord::new(b.id, other.digest, "b", NOW).expect("a record");
    let twice = record("e");
    other.name = "two\nlines".into();
    for (records, error) in [
        (vec![record("f"), conflict], KeyError::Duplicate(b.id)),
        (
            vec![twice.clone(), twice.clone()],
            KeyError::Duplicate(twice.id),
        ),
        (vec![record("f"), other], KeyError::Name),
    ] {
        assert_eq!(file.import(records).await, Err(ManageError::Key(error)));
        assert_eq!(file.list().expect("listed"), before);
    }
}

#[tokio::test]
async fn pages_show_the_newest_key_first() {
    let (_directory, file, clock) = file();
    let mut created = Vec::new();
    for owner in ["a", "b", "c"] {
        created.push(create(&file, NewKey::new(owner)).await);
        clock.advance(MINUTE);
    }
    created.reverse();
    let mut query = KeyQuery::new(NOW);
    query.limit = 2;
    let first = file.page(&query).await.expect("a page");
    assert_eq!(first.keys, created[..2]);
    query.after = first.next;
    let last = file.page(&query).await.expect("a page");
    assert_eq!((last.keys.as_slice(), last.next), (&created[2..], None));
    let found = file.get(&created[0].id).await.expect("read");
    assert_eq!(found.as_ref(), Some(&created[0]));
    assert_eq!(file.get(&record("x").id).await, Ok(None));
}

#[tokio::test]
async fn purge_keeps_the_file_valid_and_the_keys_that_ended_later() {
    let (_directory, file, clock) = file();
    let expired = create(&file, NewKey::new("a").expires_in(MINUTE)).await;
    let (revoked, live) = (
        create(&file, NewKey::new("b")).await,
        create(&file, NewKey::new("c")).await,
    );
    let rotated = create(&file, NewKey::new("d")).await;
    clock.advance(MINUTE);
    let manager: &dyn KeyManager = &file;
    let gone = manager
        .revoke(&revoked.id, Some("left"))
        .await
        .expect("revoked");
    assert_eq!(gone.revoke_reason.as_deref(), Some("left"));
    let successor = manager.rotate(&rotated.id, MINUTE).await.expect("rotated");

    let now = NOW.saturating_add(MINUTE);
    assert_eq!(manager.purge(now).await, Ok(0), "{expired:?}");
    let later = now.saturating_add(Duration::from_millis(1));
    assert_eq!(manager.purge(later).await, Ok(2));
    let ids = file.list().expect("valid").into_iter().map(|it| it.id);
    let kept = [live.id, rotated.id, successor.record().id];
    assert_eq!(ids.collect::<Vec<_>>(), kept);
    let all = now.saturating_add(Duration::from_secs(400 * 24 * 60 * 60));
    assert_eq!(manager.purge(all).await, Ok(3));
    assert!(file.list().expect("valid").is_empty());
    create(&file, NewKey::new("e")).await;
}

#[tokio::test]
async fn failure_of_the_file_is_reported_as_one_of_the_store() {
    let (directory, file, _) = file();
    let error = file.get(&record("a").id).await.expect_err("no file");
    assert!(matches!(error, ManageError::Store(_)), "{error:?}");
    assert!(error.to_string().contains("keys.toml"), "{error}");
    let id = record("a").id;
    create(&file, NewKey::new("a")).await;
    let missing = KeyManager::revoke(&file, &id, None).await;
    assert_eq!(missing, Err(ManageError::Key(KeyError::NotFound(id))));
    fs::write(directory.path().join("keys.toml"), "version = 2\n").expect("written");
    assert!(matches!(file.purge(NOW).await, Err(ManageError::Store(_))));
}

#[test]
fn file_needs_no_runtime() {
    let (_directory, file, _) = file();
    let created = run_at_once(create(&file, NewKey::new("a")));
    assert_eq!(file.list().expect("listed"), [created]);
}

/// Runs a future that never waits.
fn run_at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the future waits"),
    }
}
