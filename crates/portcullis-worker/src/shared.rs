//! What the handles of a worker and its task share.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use portcullis_core::clock::{Moment, SharedClock};
use tokio::{
    runtime::Handle,
    sync::{Notify, broadcast, watch},
    time::Instant,
};

/// The snapshot that a worker publishes and callers read. Each change clones it, so large parts belong in an `Arc`.
pub trait State: Clone + Send + Sync + 'static {
    /// A change that operators may want to know of.
    type Event: Clone + Send + 'static;

    /// Records that the task has died, and returns the event for it.
    fn died(&mut self, death: Death) -> Self::Event;

    /// Writes an event to the log.
    fn log(&self, event: &Self::Event);
}

/// Why a task ended although its worker was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Death {
    /// It panicked.
    Panicked,
    /// The tokio runtime it ran on was shut down.
    RuntimeEnded,
}

/// What a [`Worker`](crate::Worker) and its [`Task`](crate::Task) have in common: both dereference to it.
pub struct Shared<S: State> {
    state: ArcSwap<S>,
    events: broadcast::Sender<S::Event>,
    /// `Shared::update` notifies its receivers too: `Worker::wait_for` waits on this channel for a state.
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) wake: Notify,
    pub(crate) runtime: Handle,
    clock: SharedClock,
    origin: Instant,
}

/// How far a task has come. Its runs are numbered from 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Whether a run was asked for that has not begun.
    pub(crate) is_requested: bool,
    pub(crate) last_begun: u64,
    pub(crate) last_ended: u64,
    pub(crate) is_stopping: bool,
    pub(crate) task_has_ended: bool,
}

/// The run that a caller asked for and may [wait for](crate::Worker::wait_until_ended). A run is one piece of a task's work,
/// such as one fetch, from `begin_run` to `end_run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunTicket {
    pub(crate) number: u64,
    pub(crate) joined_running: bool,
}

impl RunTicket {
    /// Whether the run was already under way when the caller asked. Its result may then miss the latest changes.
    pub fn joined_running(self) -> bool {
        self.joined_running
    }
}

impl Progress {
    pub(crate) fn is_running(&self) -> bool {
        self.last_begun > self.last_ended
    }

    pub(crate) fn next_run(&self) -> RunTicket {
        RunTicket {
            number: self.last_begun + 1,
            joined_running: false,
        }
    }
}

impl<S: State> Shared<S> {
    pub(crate) fn new(state: S, clock: SharedClock, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            state: ArcSwap::from_pointee(state),
            events: broadcast::Sender::new(64),
            progress: watch::Sender::default(),
            wake: Notify::new(),
            runtime,
            clock,
            origin: Instant::now(),
        })
    }

    /// The current state. Never waits for a lock.
    #[inline]
    pub fn state(&self) -> Guard<Arc<S>> {
        self.state.load()
    }

    /// Publishes a changed state. `change` is called again if another thread publishes a state first.
    pub fn update(&self, mut change: impl FnMut(&mut S)) {
        self.state.rcu(|state| {
            let mut next = S::clone(state);
            change(&mut next);
            next
        });
        self.progress.send_modify(|_| {});
    }

    /// Sends an event to all receivers, then logs it. The log comes last, since it may panic.
    pub fn announce(&self, event: S::Event) {
        // An error means that there are no receivers.
        let _ = self.events.send(event.clone());
        self.state().log(&event);
    }

    /// The events from now on. A receiver that lags more than 64 events behind misses the oldest.
    pub fn events(&self) -> broadcast::Receiver<S::Event> {
        self.events.subscribe()
    }

    /// The current time, by the worker's wall clock and by tokio's monotonic clock, which counts from the worker's creation.
    pub fn now(&self) -> Moment {
        // The wall clock is read first: if the thread is paused between the reads, deadlines come early, not late.
        let wall = self.clock.now();
        Moment::new(wall, self.origin.elapsed())
    }
}
