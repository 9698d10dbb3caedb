use std::time::Duration;

use portcullis_api_key::{KeyManager, KeySource, NewKey, Position};
use portcullis_core::clock::UnixTime;
use portcullis_sql::SqlStore;

use crate::fixture::{Fixture, create};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn position(store: &SqlStore) -> Position {
    store.position(None).await.expect("a position").position
}

async fn continues(store: &SqlStore, known: &Position) -> bool {
    store
        .position(Some(known))
        .await
        .expect("a position")
        .continues
}

/// What a restore of a backup from revision 1 leaves.
const RESTORE: &str = "DELETE FROM portcullis_keys WHERE revision > 1; DELETE FROM portcullis_history WHERE revision > 1; \
     UPDATE portcullis_meta SET revision = 1, restore_reported_ms = NULL, restores = 0, \
     mark = (SELECT mark FROM portcullis_history WHERE revision = 1)";

pub(crate) async fn position_continues_while_the_history_does(fixture: &Fixture) {
    let store = fixture.store().await;
    let first = store.position(None).await.expect("a position");
    assert!(first.continues && !first.is_unconfirmed);
    let mut known = vec![first.position];
    for revision in 1..4 {
        create(&store, NewKey::new("a")).await;
        known.push(position(&store).await);
        assert_eq!(known.last().expect("pushed").revision, revision);
    }
    let other_instance = fixture.store().await;
    for known in &known {
        assert!(continues(&other_instance, known).await, "{known:?}");
    }
    let foreign = Position {
        mark: known[1].mark ^ 1,
        ..known[1]
    };
    let future = Position {
        revision: 9,
        ..known[1]
    };
    assert!(!continues(&store, &foreign).await && !continues(&store, &future).await);
}

pub(crate) async fn restored_database_waits_for_confirmation(fixture: &Fixture) {
    let store = fixture.store().await;
    create(&store, NewKey::new("a")).await;
    create(&store, NewKey::new("a")).await;
    let known = position(&store).await;
    fixture.sql(RESTORE).await;
    assert!(!continues(&store, &known).await);
    // Another change takes the same number, and does not hide the restore.
    create(&store, NewKey::new("a")).await;
    assert_eq!(position(&store).await.revision, known.revision);
    assert!(!continues(&store, &known).await);
    store.report_restore(&known).await.expect("reported");
    let seen = store.position(Some(&known)).await.expect("a position");
    assert!(seen.is_unconfirmed && !seen.continues);
    store.confirm_restore().await.expect("confirmed");
    let seen = store
        .position(Some(&seen.position))
        .await
        .expect("a position");
    assert!(!seen.is_unconfirmed && seen.continues);
    assert!(seen.position.restores > known.restores);
}

pub(crate) async fn old_report_does_not_undo_a_confirmation(fixture: &Fixture) {
    let store = fixture.store().await;
    create(&store, NewKey::new("a")).await;
    create(&store, NewKey::new("a")).await;
    let known = position(&store).await;
    fixture.sql(RESTORE).await;
    store.report_restore(&known).await.expect("reported");
    store.confirm_restore().await.expect("confirmed");
    store.report_restore(&known).await.expect("ignored");
    assert!(
        !store
            .position(None)
            .await
            .expect("a position")
            .is_unconfirmed
    );
    // The backup is of before the confirmation, and restored again.
    let known = position(&store).await;
    fixture.sql(RESTORE).await;
    store.report_restore(&known).await.expect("reported");
    store.confirm_restore().await.expect("confirmed");
    assert!(position(&store).await.restores > known.restores);
}

pub(crate) async fn purge_forgets_old_history(fixture: &Fixture) {
    let store = fixture.store().await;
    create(&store, NewKey::new("a")).await;
    let old = position(&store).await;
    create(&store, NewKey::new("a")).await;
    fixture.clock.advance(31 * DAY);
    store.purge(UnixTime::default()).await.expect("purged");
    let kept = "SELECT count(*) FROM portcullis_history";
    assert_eq!(fixture.number(kept).await, 1);
    assert!(continues(&store, &old).await);
    assert!(continues(&store, &position(&store).await).await);
}
