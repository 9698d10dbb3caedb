//! A stream of changes that is cut off, and what must hold afterwards.

use std::time::Duration;

use portcullis_api_key::{ApiKeyId, Created, KeyManager, KeySource, ManageError, NewKey};
use portcullis_sql::SqlStore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::fixture::{Fixture, fetch};

/// A change that the store has confirmed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Confirmed {
    Created(ApiKeyId),
    Rotated(ApiKeyId, ApiKeyId),
    Revoked(ApiKeyId),
}

/// Creates, rotates and revokes keys until the store fails.
pub(crate) async fn change_until_failure(store: SqlStore, report: UnboundedSender<Confirmed>) {
    while let Ok(confirmed) = change(&store).await {
        for confirmed in confirmed {
            if report.send(confirmed).is_err() {
                return;
            }
        }
    }
}

async fn change(store: &SqlStore) -> Result<[Confirmed; 3], ManageError> {
    let Created::New(issued) = store.create(NewKey::new("a")).await? else {
        panic!("no idempotency key was sent");
    };
    let id = issued.record().id;
    let new = store
        .rotate(&id, Duration::from_secs(60))
        .await?
        .record()
        .id;
    store.revoke(&id, Some("rotated")).await?;
    Ok([
        Confirmed::Created(id),
        Confirmed::Rotated(id, new),
        Confirmed::Revoked(id),
    ])
}

/// What was confirmed so far.
pub(crate) struct Done {
    receiver: UnboundedReceiver<Confirmed>,
    confirmed: Vec<Confirmed>,
}

impl Done {
    pub(crate) async fn after(mut receiver: UnboundedReceiver<Confirmed>, count: usize) -> Self {
        let mut confirmed = Vec::new();
        while confirmed.len() < count {
            confirmed.push(receiver.recv().await.expect("a change"));
        }
        Self {
            receiver,
            confirmed,
        }
    }

    pub(crate) fn drain(&mut self) {
        while let Ok(confirmed) = self.receiver.try_recv() {
            self.confirmed.push(confirmed);
        }
    }
}

/// All that was confirmed is there, and nothing is half done.
pub(crate) async fn check(fixture: &Fixture, done: &Done) {
    let store = fixture.store().await;
    for confirmed in &done.confirmed {
        match confirmed {
            Confirmed::Created(id) => drop(fetch(&store, id).await),
            Confirmed::Rotated(old, new) => {
                assert_eq!(fetch(&store, old).await.successor, Some(*new));
                fetch(&store, new).await;
            }
            Confirmed::Revoked(id) => assert!(fetch(&store, id).await.revoked_at.is_some()),
        }
    }
    check_invariants(fixture).await;
    // All revocations of the stream have a reason.
    let half = "SELECT count(*) FROM portcullis_keys WHERE (revoked_ms IS NULL) <> (revoke_reason IS NULL)";
    assert_eq!(fixture.number(half).await, 0);
    let known = store.position(None).await.expect("a position").position;
    assert!(
        store
            .position(Some(&known))
            .await
            .expect("a position")
            .continues
    );
}

pub(crate) async fn check_invariants(fixture: &Fixture) {
    for (what, broken) in [
        (
            "successors that do not exist",
            "SELECT count(*) FROM portcullis_keys AS old WHERE successor IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM portcullis_keys AS new WHERE new.id = old.successor)",
        ),
        (
            "revisions that the store has not reached",
            "SELECT count(*) FROM portcullis_keys WHERE revision > (SELECT revision FROM portcullis_meta)",
        ),
        (
            "last revisions without their mark",
            "SELECT count(*) FROM portcullis_meta AS meta WHERE NOT EXISTS (SELECT 1 FROM portcullis_history AS history \
             WHERE history.revision = meta.revision AND history.mark = meta.mark)",
        ),
        (
            "marks of revisions that the store has not reached",
            "SELECT count(*) FROM portcullis_history WHERE revision > (SELECT revision FROM portcullis_meta)",
        ),
    ] {
        assert_eq!(fixture.number(broken).await, 0, "{what}");
    }
}
