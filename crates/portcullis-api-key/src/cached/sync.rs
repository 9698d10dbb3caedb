//! The task that takes over the changes of the store.

use std::{convert::Infallible, sync::Arc, time::Duration};

use portcullis_core::clock::Deadline;
use portcullis_worker::Task;
use tokio::time::timeout;

use super::{
    feed::{Event, Feed, Restore},
    settings::Settings,
    shared::Shared,
};
use crate::{format::ApiKeyId, source::Position, store::StoreError};

/// How many ids a query reads.
const IDS_PER_QUERY: usize = 10_000;
/// How many records a query reads.
const CHANGES_PER_QUERY: usize = 1_000;

pub(super) struct Sync {
    shared: Arc<Shared>,
    query_limit: Duration,
    /// The highest revision of a change that was taken over.
    applied: u64,
    /// The keys whose revocation was read and not logged yet.
    revoked: Vec<ApiKeyId>,
}

enum Synced {
    UpTo(Position),
    Refused(Restore),
}

/// Reads the changes every second, and at once when asked.
pub(super) async fn run(task: Task<Feed>, mut sync: Sync) -> Infallible {
    loop {
        task.wait_for_run(Deadline::after(task.now(), Settings::POLL_INTERVAL))
            .await;
        task.begin_run();
        sync.run(&task).await;
        task.end_run();
    }
}

impl Sync {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            query_limit: Settings::QUERY_LIMIT,
            applied: 0,
            revoked: Vec::new(),
        }
    }

    /// Reads the store for the first time. A query may take as long as `limit`.
    pub(super) async fn start(
        &mut self,
        task: &Task<Feed>,
        limit: Duration,
    ) -> Result<(), StoreError> {
        self.query_limit = limit;
        let (number, begun) = (self.shared.begin_sync(), task.now());
        let seen = self.limited(self.shared.source.position(None)).await?;
        let position = self.load(seen.position).await?;
        self.query_limit = Settings::QUERY_LIMIT;
        self.revoked.clear();
        let restore = seen.is_unconfirmed.then_some(Restore {
            confirmed_before: position.restores,
            is_reported: true,
        });
        task.update(|feed| {
            feed.position = position;
            (feed.synced, feed.synced_number) = (begun, number);
            feed.restore = restore;
        });
        let keys = self.shared.known.len();
        task.announce(Event::Loaded { keys });
        if restore.is_some() {
            task.announce(Event::Restored);
        }
        Ok(())
    }

    async fn run(&mut self, task: &Task<Feed>) {
        let (number, begun) = (self.shared.begin_sync(), task.now());
        let synced = self.sync(task).await;
        let mut next = Feed::clone(&task.state());
        next.is_answering = false;
        let mut events = Vec::new();
        match synced {
            Ok(Synced::UpTo(position)) => {
                next.position = position;
                (next.synced, next.synced_number) = (begun, number);
                events.extend(next.failure.take().map(|_| Event::Recovered));
                events.extend(next.restore.take().map(|_| Event::RestoreGone));
            }
            Ok(Synced::Refused(restore)) => {
                events.extend(next.failure.take().map(|_| Event::Recovered));
                events.extend(next.restore.is_none().then_some(Event::Restored));
                next.restore = Some(restore);
            }
            Err(error) => events.extend(next.fail(error, task.now().wall())),
        }
        let is_stale = next.is_stale(task.now());
        if is_stale && !next.was_stale {
            events.push(Event::Stale);
        }
        next.was_stale = is_stale;
        task.update(|feed| *feed = next.clone());
        for revoked in self.take_revoked() {
            task.announce(revoked);
        }
        for event in events {
            task.announce(event);
        }
    }

    async fn sync(&mut self, task: &Task<Feed>) -> Result<Synced, StoreError> {
        let feed = Feed::clone(&task.state());
        let known = feed.position;
        let shared = self.shared.clone();
        let seen = self.limited(shared.source.position(Some(&known))).await?;
        task.update(|feed| feed.is_answering = true);
        let position = seen.position;
        let before = feed
            .restore
            .map_or(known.restores, |restore| restore.confirmed_before);
        if !seen.is_unconfirmed && position.restores > before {
            // Refuse all keys until everything is loaded anew.
            let restore = feed.restore.unwrap_or(Restore {
                confirmed_before: before,
                is_reported: true,
            });
            task.update(|feed| feed.restore = Some(restore));
            self.shared.verdicts.clear();
            return self.load(position).await.map(Synced::UpTo);
        }
        let continues = seen.continues && position.revision >= known.revision;
        if seen.is_unconfirmed || !continues {
            let is_reported = feed.restore.is_some_and(|restore| restore.is_reported);
            let is_reported = is_reported || seen.is_unconfirmed;
            return Ok(Synced::Refused(Restore {
                // A backup from before an earlier confirmation counts from its own number.
                confirmed_before: before.min(position.restores),
                is_reported: is_reported || self.report(&known).await,
            }));
        }
        if position.revision > known.revision {
            self.take_over(known.revision).await?;
        }
        Ok(Synced::UpTo(position))
    }

    /// Whether the store took the report that `lost` is gone. Otherwise the next sync reports it again.
    async fn report(&self, lost: &Position) -> bool {
        let report = self.shared.source.report_restore(lost);
        self.limited(report).await.is_ok()
    }

    /// Reads all ids, then the changes since `position`, which was read before.
    async fn load(&mut self, position: Position) -> Result<Position, StoreError> {
        self.shared.known.clear();
        self.applied = position.revision;
        let mut last = None;
        loop {
            let ids = self.shared.source.ids(last.as_ref(), IDS_PER_QUERY);
            let ids = self.limited(ids).await?;
            ids.iter().for_each(|id| self.shared.known.insert(id));
            last = ids.last().copied();
            if ids.len() < IDS_PER_QUERY {
                break;
            }
        }
        self.take_over(position.revision).await?;
        Ok(position)
    }

    /// Takes over the changes since `after`.
    async fn take_over(&mut self, mut after: u64) -> Result<(), StoreError> {
        loop {
            let changes = self.shared.source.changes(after, CHANGES_PER_QUERY);
            let changes = self.limited(changes).await?;
            for record in &changes {
                // The id is known before the miss is forgotten, so a request finds either.
                self.shared.known.insert(&record.id);
                self.shared.verdicts.apply(record);
                if record.revision > self.applied && record.revoked_at.is_some() {
                    self.revoked.push(record.id);
                }
            }
            let last = changes.last().map_or(after, |record| record.revision);
            self.applied = self.applied.max(last);
            if changes.len() < CHANGES_PER_QUERY {
                return Ok(());
            }
            // A store may give several records one revision, and the page may end between them.
            after = if last - 1 > after { last - 1 } else { last };
        }
    }

    async fn limited<T>(
        &self,
        query: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let limit = self.query_limit;
        let too_slow = || StoreError::new(format!("it did not answer within {limit:?}"));
        timeout(limit, query).await.map_err(|_| too_slow())?
    }

    /// Events that name the keys, so that they can be revoked again after a restore.
    fn take_revoked(&mut self) -> Vec<Event> {
        let event = |ids: &[ApiKeyId]| {
            let ids: Vec<_> = ids.iter().map(ApiKeyId::as_str).collect();
            Event::Revoked(ids.join(" ").into())
        };
        let events = self.revoked.chunks(100).map(event).collect();
        self.revoked.clear();
        events
    }
}
