//! The task that keeps one issuer's keys fresh. It ends when the last who holds the keys lets go of them.

use std::{
    convert::Infallible,
    hash::{BuildHasher, RandomState},
    mem,
    sync::Arc,
    time::Duration,
};

use portcullis_core::{SharedClock, UnixTime};
use portcullis_jwt::{Jitter, KeyPublisher, RefreshSchedule};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    ClockOffset, FetchError, IssuerEvent, KeyId,
    board::Board,
    clock_watch::ClockWatch,
    disk::{Kept, SnapshotFile},
    fetch::{Attempt, Fetched, Fetcher},
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

pub(crate) struct RefreshTask {
    parts: Parts,
    clock_watch: ClockWatch,
    next_look: Duration,
    /// Who waits for the next fetch.
    replies: Vec<oneshot::Sender<Result<(), FetchError>>>,
    /// The set at hand as it was sent, where it is to be kept.
    json: Vec<u8>,
    private_members: usize,
    is_stale: bool,
    is_skewed: bool,
}

/// How often the clocks are compared. As long as that a jump can go unnoticed.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// A jump forward by this much may be a machine that slept: its keys are older than the monotonic clock says.
const SLEEP: Duration = Duration::from_secs(60);

/// Half of the leeway that verifiers give by default.
const LARGE_SKEW: Duration = Duration::from_secs(30);

impl RefreshTask {
    pub(crate) fn new(parts: Parts) -> Self {
        let now = parts.origin.elapsed();
        Self {
            clock_watch: ClockWatch::new(parts.clock.now(), now),
            next_look: now + LOOK_INTERVAL,
            replies: Vec::new(),
            json: Vec::new(),
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
        tokio::select! {
            biased;
            _ = stop => {}
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

    /// Lets nothing else wait for a fetch. When it is slow, requests with unknown keys are told that the issuer cannot
    /// be asked, as far as anyone can know.
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
                    self.parts.publisher.record_failure();
                    self.report(false);
                }
                () = sleep_until(chores) => self.do_chores(),
                Some(command) = self.parts.commands.recv() => self.obey(command),
            }
        }
    }

    fn conclude(&mut self, attempt: Attempt) -> Result<(), FetchError> {
        self.look_at_clocks();
        let now = self.now();
        if let Some((theirs, ours)) = attempt.clocks {
            self.note_skew(ClockOffset::of(theirs, ours));
        }
        match &attempt.discovery {
            Some(Ok(())) => self.parts.schedule.discovered(now),
            Some(Err(error)) if attempt.keys.is_ok() => {
                self.announce(IssuerEvent::DiscoveryFailed {
                    error: error.clone(),
                });
            }
            _ => {}
        }
        let result = match attempt.keys {
            Ok(fetched) => {
                self.succeed(fetched);
                Ok(())
            }
            Err(error) => {
                self.fail(error.clone());
                Err(error)
            }
        };
        let last_error = result.clone().err();
        self.post(|progress| {
            progress.jwks_uri = attempt.jwks_uri;
            progress.last_error = last_error;
        });
        result
    }

    fn succeed(&mut self, fetched: Fetched) {
        let (now, failures) = (self.now(), self.parts.schedule.failures());
        match fetched {
            Fetched::New {
                keys,
                json,
                max_age,
            } => {
                self.parts.schedule.fetched(now, max_age, jitter());
                let private_members =
                    mem::replace(&mut self.private_members, keys.private_members());
                let (loaded_at, stale_at) = self.limits();
                let before = self.parts.publisher.current();
                if self.parts.publisher.publish(*keys, loaded_at, stale_at) {
                    self.announce_change(&KeyId::all_of(before.keys()));
                }
                if private_members == 0 && self.private_members > 0 {
                    self.announce(IssuerEvent::PrivateKeysPublished {
                        count: self.private_members,
                    });
                }
                if self.parts.disk.is_some() {
                    self.json = json;
                }
            }
            Fetched::Unchanged { max_age } => {
                self.parts.schedule.confirmed(now, max_age, jitter());
                let (loaded_at, stale_at) = self.limits();
                self.parts.publisher.confirm(loaded_at, stale_at);
            }
        }
        self.is_stale = false;
        if failures > 0 {
            self.announce(IssuerEvent::Recovered { failures });
        }
    }

    fn fail(&mut self, error: FetchError) {
        self.parts
            .schedule
            .failed(self.now(), error.retry_after(), jitter());
        self.parts.publisher.record_failure();
        let failures = self.parts.schedule.failures();
        self.announce(IssuerEvent::RefreshFailed { error, failures });
    }

    fn announce_change(&self, before: &[KeyId]) {
        let current = self.parts.publisher.current();
        let after = KeyId::all_of(current.keys());
        let lacking = |some: &[KeyId], others: &[KeyId]| {
            some.iter()
                .filter(|key| !others.contains(key))
                .cloned()
                .collect()
        };
        self.announce(IssuerEvent::KeysChanged {
            added: lacking(&after, before),
            removed: lacking(before, &after),
            epoch: current.epoch(),
        });
    }

    fn note_skew(&mut self, offset: ClockOffset) {
        self.post(|progress| progress.clock_skew = Some(offset));
        let was_skewed = mem::replace(&mut self.is_skewed, offset.magnitude() >= LARGE_SKEW);
        if self.is_skewed && !was_skewed {
            self.announce(IssuerEvent::ClockSkewed { issuer: offset });
        }
    }

    /// Writes the set at hand to disk. Losing it costs no more than an outage at the next start.
    async fn save(&mut self) {
        let (Some(file), Some(lifetime)) =
            (self.parts.disk.clone(), self.parts.schedule.lifetime())
        else {
            return;
        };
        if self.json.is_empty() {
            return;
        }
        let (json, now) = (mem::take(&mut self.json), self.parts.clock.now());
        let write = move || {
            let saved = file.save(&json, now, lifetime);
            (json, saved)
        };
        let Ok((json, saved)) = tokio::task::spawn_blocking(write).await else {
            return;
        };
        self.json = json;
        if let Err(error) = saved {
            self.announce(IssuerEvent::NotSaved {
                error: Arc::new(error),
            });
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Refresh(reply) => self.replies.push(reply),
            Command::StaleLimit(limit) => {
                self.parts.schedule.set_stale_limit(limit);
                self.is_stale = false;
                self.rebase();
                self.do_chores();
            }
        }
    }

    /// When there is something to do beside fetching.
    fn next_chores(&self) -> Duration {
        let now = self.now();
        match self.parts.schedule.stale_in(now) {
            Some(left) if !self.is_stale => self.next_look.min(now.saturating_add(left)),
            _ => self.next_look,
        }
    }

    fn do_chores(&mut self) {
        let now = self.now();
        if now >= self.next_look {
            self.next_look = now + LOOK_INTERVAL;
            self.look_at_clocks();
        }
        if !self.is_stale
            && self
                .parts
                .schedule
                .stale_in(now)
                .is_some_and(|left| left.is_zero())
        {
            self.is_stale = true;
            self.announce(IssuerEvent::Stale);
        }
    }

    fn look_at_clocks(&mut self) {
        let now = self.now();
        let Some(jump) = self.clock_watch.look(self.parts.clock.now(), now) else {
            return;
        };
        self.announce(IssuerEvent::ClockJumped { clock: jump });
        self.rebase();
        if matches!(jump, ClockOffset::Ahead(by) if by >= SLEEP) {
            self.parts.schedule.hurry(now);
            self.post(|_| {});
        }
    }

    /// Writes the limits of the set at hand anew, on the wall clock as it is now.
    fn rebase(&mut self) {
        if self.parts.schedule.age(self.now()).is_some() {
            let (loaded_at, stale_at) = self.limits();
            self.parts.publisher.rebase(loaded_at, stale_at);
        }
    }

    /// When the set at hand was loaded and when it gets stale, on the wall clock.
    fn limits(&self) -> (UnixTime, UnixTime) {
        let (now, wall) = (self.now(), self.parts.clock.now());
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

/// The standard library's hash seeds are random: good enough to keep a fleet out of step.
fn jitter() -> Jitter {
    Jitter::from_random(RandomState::new().hash_one(0))
}
