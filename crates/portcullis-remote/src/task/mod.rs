//! The task that keeps one issuer's keys fresh.

mod fetched;

use std::{convert::Infallible, mem, pin::pin, time::Duration};

use portcullis_core::clock::{Deadline, Moment, UnixTime};
use portcullis_jwt::KeyPublisher;
use portcullis_oauth::Blocking;
use portcullis_worker::Task;
use serde_json::value::RawValue;

use crate::{
    IssuerEvent,
    disk::{SavedKeys, SnapshotFile},
    fetch::{FetchResult, Fetcher},
    status::RefreshState,
};

/// What the task runs, with its private state. It publishes keys by `publisher`, and its state as a [`RefreshState`].
pub(crate) struct RefreshLoop {
    task: Task<RefreshState>,
    publisher: KeyPublisher,
    disk: Option<Blocking<SnapshotFile>>,
    /// When the clocks were last compared.
    compared_at: Moment,
    /// The part of the current key set to write to disk; `None` if nothing is saved.
    public_part: Option<Box<RawValue>>,
    /// The schedule's limit at the last check: a difference means that the operator changed it.
    stale_limit: Duration,
    /// Whether it was announced that the key set at hand is stale.
    stale_announced: bool,
}

impl RefreshLoop {
    pub(crate) fn new(
        task: Task<RefreshState>,
        publisher: KeyPublisher,
        disk: Option<Blocking<SnapshotFile>>,
    ) -> Self {
        Self {
            compared_at: task.now(),
            stale_limit: task.state().schedule.stale_limit,
            task,
            publisher,
            disk,
            public_part: None,
            stale_announced: false,
        }
    }

    /// Publishes a set that was saved before a restart, if it may still serve.
    pub(crate) fn restore(&mut self, saved: SavedKeys) {
        let (now, mut may_serve) = (self.task.now(), false);
        self.task.update(|state| {
            may_serve = state.schedule.restored(now, saved.lifetime, saved.age);
        });
        if may_serve {
            let (loaded_at, stale_at) = self.times();
            self.publisher.publish(saved.keys, loaded_at, stale_at);
            self.task.announce(IssuerEvent::Restored { age: saved.age });
        }
    }

    pub(crate) async fn run(mut self, mut fetcher: Fetcher) -> Infallible {
        loop {
            while !self.task.is_due(self.due_at()) {
                let until = self.next_check().earlier(self.due_at());
                self.task.pause(until).await;
                self.check();
            }
            self.task.begin_run();
            let result = self.fetch(&mut fetcher).await;
            let succeeded = self.conclude(&fetcher, result);
            self.task.end_run();
            if succeeded {
                self.save().await;
            }
        }
    }

    /// Fetches, and goes on checking the clocks: a fetch may take as long as several timeouts.
    async fn fetch(&mut self, fetcher: &mut Fetcher) -> FetchResult {
        let now = self.task.now();
        let discovery_is_due = self.task.state().schedule.discovery_is_due(now);
        let mut fetch = pin!(fetcher.fetch(discovery_is_due));
        loop {
            tokio::select! {
                biased;
                result = &mut fetch => return result,
                () = self.task.pause(self.next_check()) => self.check(),
            }
        }
    }

    /// When the keys become stale; never if that was already announced.
    fn next_check(&self) -> Deadline {
        let stale_in = self.stale_in().filter(|_| !self.stale_announced);
        Deadline::after(self.task.now(), stale_in.unwrap_or(Duration::MAX))
    }

    /// Publishes the times of the keys anew if a clock jumped, the operator changed the stale limit, or the keys became stale.
    fn check(&mut self) {
        self.compare_clocks();
        let limit = self.task.state().schedule.stale_limit;
        if mem::replace(&mut self.stale_limit, limit) != limit {
            self.stale_announced = false;
            self.publish_times();
        }
        if !self.stale_announced && self.stale_in().is_some_and(|left| left.is_zero()) {
            self.stale_announced = true;
            // Before the event: its receivers must find that no verifier uses these keys, whatever the wall clock says.
            self.publish_times();
            let (now, state) = (self.task.now(), self.task.state());
            self.task.announce(IssuerEvent::Stale {
                age: state.schedule.age(now).unwrap_or_default(),
                limit: state.schedule.largest_age().unwrap_or_default(),
            });
        }
    }

    /// After a jump of the wall clock, publishes the times anew.
    fn compare_clocks(&mut self) {
        let now = self.task.now();
        let jump = now.clock_jump_since(self.compared_at);
        self.compared_at = now;
        if let Some(offset) = jump {
            self.task.announce(IssuerEvent::ClockJumped { offset });
            self.task
                .update(|state| state.schedule.clock_jumped(now, offset));
            self.publish_times();
        }
    }

    /// Publishes the times by the present wall clock. Stale keys stay stale even if the wall clock is set back later.
    fn publish_times(&mut self) {
        let Some(left) = self.stale_in() else {
            return;
        };
        let (loaded_at, stale_at) = self.times();
        let is_already_stale = left.is_zero();
        self.publisher
            .set_times(loaded_at, stale_at, is_already_stale);
    }

    /// When the keys at hand were loaded and when they grow stale, on the wall clock.
    fn times(&self) -> (UnixTime, UnixTime) {
        let (now, state) = (self.task.now(), self.task.state());
        let age = state.schedule.age(now).unwrap_or_default();
        let left = state.schedule.stale_in(now).unwrap_or_default();
        (
            now.wall().saturating_sub(age),
            now.wall().saturating_add(left),
        )
    }

    fn due_at(&self) -> Deadline {
        self.task.state().schedule.due_at
    }

    fn stale_in(&self) -> Option<Duration> {
        self.task.state().schedule.stale_in(self.task.now())
    }
}
