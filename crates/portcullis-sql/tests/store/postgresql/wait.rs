use std::time::Duration;

use portcullis_api_key::{KeyManager, KeyQuery, KeySource, NewKey};
use sqlx::Executor;
use tokio::task::JoinSet;

use super::fixture;
use crate::fixture::{START, create, revision};

/// A change that another program began first and commits last: nobody may have gone past its revision meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn late_commit_is_seen() {
    let fixture = fixture().await;
    let store = fixture.store().await;
    let id = create(&store, NewKey::new("a")).await.record().id;
    let mut late = fixture.postgres_pool().begin().await.expect("begun");
    late.execute("UPDATE portcullis_meta SET revision = revision + 1, mark = 5")
        .await
        .expect("locked");
    late.execute("INSERT INTO portcullis_history VALUES (2, 5, 0)")
        .await
        .expect("noted");
    late.execute("UPDATE portcullis_keys SET revision = 2, name = 'late'")
        .await
        .expect("changed");
    let mut other = JoinSet::new();
    other.spawn({
        let store = store.clone();
        async move { create(&store, NewKey::new("b")).await }
    });
    // The other change waits for the lock.
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while fixture.number(waiting).await == 0 {}
    assert_eq!(revision(&store).await, 1);
    assert_eq!(store.changes(1, 9).await, Ok(vec![]));
    late.commit().await.expect("committed");
    let new = other.join_next().await.expect("a task").expect("created");
    let changes = store.changes(1, 9).await.expect("changes");
    let seen: Vec<_> = changes
        .iter()
        .map(|record| (record.revision, record.id))
        .collect();
    assert_eq!(seen, [(2, id), (3, new.record().id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answer_is_not_awaited() {
    let fixture = fixture().await;
    let store = fixture.store().await;
    let id = create(&store, NewKey::new("a")).await.record().id;
    let mut lock = fixture.postgres_pool().begin().await.expect("begun");
    lock.execute("LOCK TABLE portcullis_keys")
        .await
        .expect("locked");
    let error = tokio::time::timeout(Duration::from_secs(5), store.fetch(&id))
        .await
        .expect("in time");
    assert!(
        error
            .expect_err("no answer")
            .to_string()
            .contains("statement timeout")
    );
    lock.rollback().await.expect("ended");
    assert!(store.fetch(&id).await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_list_says_what_to_do() {
    let fixture = fixture().await;
    let store = fixture.store().await;
    // Stands for a search that scans many rows.
    let mut lock = fixture.postgres_pool().begin().await.expect("begun");
    lock.execute("LOCK TABLE portcullis_keys")
        .await
        .expect("locked");
    let mut query = KeyQuery::new(START);
    query.text = Some("x".into());
    let error = store.page(&query).await.expect_err("too slow").to_string();
    assert!(error.contains("narrow it"), "{error}");
}

/// A change whose caller went away is rolled back, and frees the lock.
#[tokio::test(flavor = "multi_thread")]
async fn cancelled_change_frees_the_lock() {
    let fixture = fixture().await;
    let store = fixture.store().await;
    let mut lock = fixture.postgres_pool().begin().await.expect("begun");
    lock.execute("LOCK TABLE portcullis_keys IN SHARE MODE")
        .await
        .expect("locked");
    {
        let mut waits = Box::pin(store.create(NewKey::new("cancelled")));
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        tokio::select! {
            biased;
            _ = &mut waits => panic!("the table is locked"),
            () = async { while fixture.number(waiting).await == 0 {} } => {}
        }
    }
    lock.rollback().await.expect("ended");
    create(&store, NewKey::new("next")).await;
    let owners = "SELECT count(*) FROM portcullis_keys WHERE owner = 'next'";
    assert_eq!(fixture.number(owners).await, 1);
}
