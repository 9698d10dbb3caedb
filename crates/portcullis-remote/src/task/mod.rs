//! The task that keeps one issuer's keys fresh. It ends when the last who holds the keys lets go of them.

mod chores;
mod conclude;

use std::{convert::Infallible, mem, sync::Arc, time::Duration};

use portcullis_core::{SharedClock, UnixTime};
use portcullis_jwt::KeyPublisher;
use tokio::{
    sync::{
        mpsc,
        oneshot::{self, error::TryRecvError},
        watch,
    },
    time::{Instant, sleep, sleep_until},
};

use self::chores::LOOK_INTERVAL;
use crate::{
    FetchError, IssuerEvent,
    board::Board,
    clock_watch::ClockWatch,
    disk::{Kept, SnapshotFile},
    fetch::{Attempt, Fetcher},
    schedule::RefreshSchedule,
    signals::{Report, Signals},
    status::Progress,
};

/// What the operator asks of the task.
pub(crate) enum Command {
    /// To fetch now, and to say how that went.
    Refresh(oneshot::Sender<Result<(), FetchError>>),
    StaleLimit(Duration),
}

/// What the task needs; all of it is its own, but for what it shares with requests and the operator.
pub(crate) struct Parts {
    pub(crate) schedule: RefreshSchedule,
    pub(crate) publisher: KeyPublisher,
    pub(crate) signals: Arc<Signals>,
    pub(crate) reports: watch::Sender<Report>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) board: Arc<Board>,
    pub(crate) disk: Option<SnapshotFile>,
    pub(crate) clock: SharedClock,
    /// From when on time is counted.
    pub(crate) origin: Instant,
    /// When a fetch is slower than this, requests no longer wait for it.
    pub(crate) slow_after: Duration,
}

/// The task itself.
pub(crate) struct RefreshTask {
    parts: Parts,
    clock_watch: ClockWatch,
    next_look: Duration,
    /// Who waits for the next fetch.
    replies: Vec<oneshot::Sender<Result<(), FetchError>>>,
    /// The set at hand, less private members, where it is to be kept.
    json: Arc<[u8]>,
    private_members: usize,
    is_stale: bool,
    is_skewed: bool,
}

impl RefreshTask {
    pub(crate) fn new(parts: Parts) -> Self {
        let now = parts.origin.elapsed();
        Self {
            clock_watch: ClockWatch::new(parts.clock.now(), now),
            next_look: now + LOOK_INTERVAL,
            replies: Vec::new(),
            json: Arc::default(),
            private_members: 0,
            is_stale: false,
            is_skewed: false,
            parts,
        }
    }

    /// Puts a set in place that was kept over a restart, if it may still serve.
    pub(crate) fn restore(&mut self, kept: Kept) {
        let now = self.now();
        if self.parts.schedule.restored(now, kept.lifetime, kept.age) {
            let (loaded_at, stale_at) = self.limits();
            self.parts.publisher.publish(kept.keys, loaded_at, stale_at);
            self.announce(IssuerEvent::Restored { age: kept.age });
            self.post(|_| {});
        }
    }

    /// Works until `stop` closes. Every wait is inside the select, a fetch too.
    pub(crate) async fn run(mut self, mut fetcher: Fetcher, stop: oneshot::Receiver<Infallible>) {
        let mut obituary = Obituary {
            board: self.parts.board.clone(),
            stop,
        };
        tokio::select! {
            biased;
            _ = &mut obituary.stop => {}
            () = self.work(&mut fetcher) => {}
        }
    }

    async fn work(&mut self, fetcher: &mut Fetcher) {
        loop {
            self.idle().await;
            self.refresh(fetcher).await;
        }
    }

    /// Waits until there is a reason to fetch.
    async fn idle(&mut self) {
        while !self.has_reason_to_fetch() {
            let (due, chores) = (
                self.at(self.parts.schedule.due_at()),
                self.at(self.next_chores()),
            );
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.parts.signals.wake.notified() => {}
                () = sleep_until(chores) => self.do_chores(),
                Some(command) = self.parts.commands.recv() => self.obey(command),
            }
        }
    }

    fn has_reason_to_fetch(&self) -> bool {
        self.parts.signals.gate.is_signalled()
            || !self.replies.is_empty()
            || self.now() >= self.parts.schedule.due_at()
    }

    /// Fetches once, publishes the result, and tells everyone.
    async fn refresh(&mut self, fetcher: &mut Fetcher) {
        self.parts.signals.gate.begin();
        let replies = mem::take(&mut self.replies);
        let attempt = self.attempt(fetcher).await;
        let result = self.conclude(attempt);
        self.parts
            .signals
            .block_until(self.parts.schedule.not_before());
        self.parts.signals.gate.end();
        self.report(result.is_ok());
        for reply in replies {
            // Whoever asked may have left.
            let _ = reply.send(result.clone());
        }
        if result.is_ok() {
            self.save().await;
        }
    }

    /// Fetches, while nothing else waits for that. When it is slow, requests with unknown keys are let go: they cannot
    /// be decided.
    async fn attempt(&mut self, fetcher: &mut Fetcher) -> Attempt {
        let discovery_is_due = self.parts.schedule.discovery_is_due(self.now());
        let attempt = fetcher.attempt(discovery_is_due);
        let slow = sleep(self.parts.slow_after);
        tokio::pin!(attempt, slow);
        let mut is_slow = false;
        loop {
            let chores = self.at(self.next_chores());
            tokio::select! {
                biased;
                attempt = &mut attempt => return attempt,
                () = &mut slow, if !is_slow => {
                    is_slow = true;
                    self.report(false);
                }
                () = sleep_until(chores) => self.do_chores(),
                Some(command) = self.parts.commands.recv() => self.obey(command),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Refresh(reply) => self.replies.push(reply),
            Command::StaleLimit(limit) => {
                self.parts.schedule.set_stale_limit(limit);
                self.is_stale = false;
                self.look_at_clocks();
                self.rebase();
                self.do_chores();
            }
        }
    }

    /// When the set at hand was loaded and when it gets stale, on the wall clock. That is read first: if the thread has
    /// to pause between the two, the keys serve shorter for it and never longer.
    fn limits(&self) -> (UnixTime, UnixTime) {
        let (wall, now) = (self.parts.clock.now(), self.now());
        let age = self.parts.schedule.age(now).unwrap_or_default();
        let left = self.parts.schedule.stale_in(now).unwrap_or_default();
        (wall.saturating_sub(age), wall.saturating_add(left))
    }

    fn report(&self, succeeded: bool) {
        let epoch = self.parts.publisher.current().epoch();
        self.parts.reports.send_replace(Report { succeeded, epoch });
    }

    fn announce(&self, event: IssuerEvent) {
        self.parts.board.announce(event);
    }

    fn post(&self, change: impl FnOnce(&mut Progress)) {
        let schedule = &self.parts.schedule;
        self.parts.signals.set_due_at(schedule.due_at());
        let mut progress = Progress::clone(&self.parts.board.progress.load());
        progress.lifetime = schedule.lifetime();
        progress.due_at = self.at(schedule.due_at());
        progress.failures = schedule.failures();
        change(&mut progress);
        self.parts.board.progress.store(Arc::new(progress));
    }

    fn now(&self) -> Duration {
        self.parts.origin.elapsed()
    }

    fn at(&self, since_origin: Duration) -> Instant {
        const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
        self.parts
            .origin
            .checked_add(since_origin)
            .unwrap_or_else(|| Instant::now() + FAR)
    }
}

/// Tells everyone when the task ends though its keys are still held: it panicked, or its runtime has ended.
struct Obituary {
    board: Arc<Board>,
    stop: oneshot::Receiver<Infallible>,
}

impl Drop for Obituary {
    fn drop(&mut self) {
        if self.stop.try_recv() == Err(TryRecvError::Empty) {
            let mut progress = Progress::clone(&self.board.progress.load());
            progress.last_error = Some(FetchError::stopped());
            self.board.progress.store(Arc::new(progress));
            self.board.announce(IssuerEvent::Stopped);
        }
    }
}
