//! The task that records the uses of keys in the store.

use std::{
    collections::{HashMap, hash_map::Entry},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use portcullis_core::clock::Deadline;
use portcullis_worker::{Backoff, BackoffRules, Death, Jitter, State, Task};
use tokio::time::timeout;

use super::uses::UseQueue;
use crate::{
    format::ApiKeyId,
    source::{KeySource, KeyUse},
    store::StoreError,
};

const INTERVAL: Duration = Duration::from_secs(10);
/// How many keys one write records.
const BATCH: usize = 500;
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// The most keys whose uses wait for a store that cannot be written.
const MAX_WAITING: usize = 100_000;

/// The state of the records of uses.
#[derive(Clone)]
pub(super) struct Flush {
    pub(super) store: Arc<str>,
    /// Why the last flush failed.
    pub(super) failure: Option<StoreError>,
    /// Uses that were not counted, since too many keys waited.
    pub(super) dropped: u64,
}

impl Flush {
    pub(super) fn new(store: Arc<str>) -> Self {
        Self {
            store,
            failure: None,
            dropped: 0,
        }
    }
}

#[derive(Clone)]
pub(super) enum Event {
    Failed,
    Recovered,
    Dropped,
}

impl State for Flush {
    type Event = Event;

    fn died(&mut self, _: Death) -> Event {
        let problem = "the task that records them stopped: restart the service";
        self.failure = Some(StoreError::new(problem));
        Event::Failed
    }

    fn log(&self, event: &Event) {
        let store = &*self.store;
        let error = self.failure.as_ref().map(StoreError::to_string);
        match event {
            Event::Failed => tracing::warn!(
                store,
                error,
                "uses of API keys cannot be recorded: requests are not affected, and the uses are kept and recorded later"
            ),
            Event::Recovered => tracing::info!(store, "uses of API keys are recorded again"),
            Event::Dropped => tracing::warn!(
                store,
                "uses of API keys were lost, since those of {MAX_WAITING} keys wait to be recorded: the counts are too low"
            ),
        }
    }
}

/// Records the uses every 10 s, and at once when asked.
pub(super) async fn run(
    task: Task<Flush>,
    source: Arc<dyn KeySource>,
    queue: Arc<UseQueue>,
) -> Infallible {
    let mut waiting = Waiting::default();
    let mut backoff = Backoff::new(BackoffRules {
        first: INTERVAL,
        ..BackoffRules::DEFAULT
    });
    loop {
        let pause = backoff.left(task.now()).max(INTERVAL);
        task.wait_for_run(Deadline::after(task.now(), pause)).await;
        task.begin_run();
        let dropped = waiting.add(queue.take());
        let failure = waiting.write(&*source).await.err();
        match failure {
            Some(_) => backoff.failed(task.now(), backoff.next_wait(Jitter::random()), None),
            None => backoff.succeeded(),
        }
        publish(&task, failure, dropped);
        task.end_run();
    }
}

fn publish(task: &Task<Flush>, failure: Option<StoreError>, dropped: u64) {
    let before = task.state();
    let event = match (&before.failure, &failure) {
        (None, Some(_)) => Some(Event::Failed),
        (Some(_), None) => Some(Event::Recovered),
        _ => None,
    };
    let dropped_event = (dropped > 0 && before.dropped == 0).then_some(Event::Dropped);
    task.update(|flush| {
        flush.failure.clone_from(&failure);
        flush.dropped = flush.dropped.saturating_add(dropped);
    });
    for event in event.into_iter().chain(dropped_event) {
        task.announce(event);
    }
}

/// The uses that are not recorded yet.
#[derive(Default)]
struct Waiting(HashMap<ApiKeyId, KeyUse>);

impl Waiting {
    /// Adds uses, and returns how many were lost.
    fn add(&mut self, (uses, mut dropped): (Vec<KeyUse>, u64)) -> u64 {
        for new in uses {
            let has_room = self.0.len() < MAX_WAITING;
            match self.0.entry(new.id) {
                Entry::Occupied(waiting) => merge(waiting.into_mut(), new),
                Entry::Vacant(place) if has_room => _ = place.insert(new),
                Entry::Vacant(_) => dropped = dropped.saturating_add(new.count),
            }
        }
        dropped
    }

    /// Writes all uses, and keeps those whose write failed.
    async fn write(&mut self, source: &dyn KeySource) -> Result<(), StoreError> {
        while !self.0.is_empty() {
            let batch: Vec<_> = self.0.values().take(BATCH).cloned().collect();
            let too_slow = || StoreError::new(format!("no answer within {WRITE_LIMIT:?}"));
            let written = timeout(WRITE_LIMIT, source.record_uses(&batch)).await;
            written.unwrap_or_else(|_| Err(too_slow()))?;
            for written in &batch {
                self.0.remove(&written.id);
            }
        }
        Ok(())
    }
}

fn merge(waiting: &mut KeyUse, new: KeyUse) {
    waiting.count = waiting.count.saturating_add(new.count);
    waiting.last_used_at = waiting.last_used_at.max(new.last_used_at);
    waiting.new_digest = new.new_digest.or(waiting.new_digest);
}
