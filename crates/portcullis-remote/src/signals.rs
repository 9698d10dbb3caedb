//! Where requests meet the task that fetches.

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use portcullis_jwt::{Refresh, RefreshAnswer, RefreshOutcome};
use portcullis_worker::BudgetRules;
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot, watch},
    time::{Instant, Sleep},
};

use crate::gate::{Cause, Gate, Signal};

/// How a fetch ended, for those who wait for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    pub(crate) succeeded: bool,
    pub(crate) epoch: u64,
}

/// The limits of waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitRules {
    pub(crate) longest: Duration,
    pub(crate) most_waiters: usize,
}

/// What requests and the task share. It keeps no task alive.
pub(crate) struct Signals {
    pub(crate) gate: Gate,
    /// Wakes the task.
    pub(crate) wake: Notify,
    waits: WaitRules,
    waiters: AtomicUsize,
    /// Until then the issuer asked to be left alone: milliseconds since `origin`.
    blocked_until: AtomicU64,
    /// When the task fetches next by its schedule: milliseconds since `origin`.
    due_at: AtomicU64,
    origin: Instant,
    /// Closed when the task ends, so that nobody waits for it in vain.
    reports: watch::Receiver<Report>,
    /// Whose timer the waits use, whichever runtime the request is on.
    runtime: Handle,
}

impl Signals {
    pub(crate) fn new(
        budget: BudgetRules,
        waits: WaitRules,
        origin: Instant,
        runtime: Handle,
    ) -> (Arc<Self>, watch::Sender<Report>) {
        let (sender, reports) = watch::channel(Report::default());
        let signals = Self {
            gate: Gate::new(budget),
            wake: Notify::new(),
            waits,
            waiters: AtomicUsize::new(0),
            blocked_until: AtomicU64::new(0),
            due_at: AtomicU64::new(0),
            origin,
            reports,
            runtime,
        };
        (Arc::new(signals), sender)
    }

    /// Reports from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Report> {
        let mut reports = self.reports.clone();
        reports.mark_unchanged();
        reports
    }

    /// All reports, also those of before.
    pub(crate) fn subscribe_from_start(&self) -> watch::Receiver<Report> {
        self.reports.clone()
    }

    /// Lets no request cause a fetch before that moment.
    pub(crate) fn block_until(&self, since_origin: Duration) {
        self.blocked_until
            .store(millis(since_origin), Ordering::Relaxed);
    }

    /// Notes when the task fetches next by its schedule.
    pub(crate) fn set_due_at(&self, since_origin: Duration) {
        self.due_at.store(millis(since_origin), Ordering::Relaxed);
    }

    fn signal(&self, cause: Cause) -> Signal {
        let now = self.origin.elapsed();
        if now < self.blocked_until() {
            return Signal::Refused;
        }
        let signal = self.gate.signal(cause, now);
        if signal == Signal::Started {
            self.wake.notify_one();
        }
        signal
    }

    /// How long until the next fetch: by the schedule, or as soon as a request may signal one.
    fn next_attempt(&self) -> Duration {
        let due_at = Duration::from_millis(self.due_at.load(Ordering::Relaxed));
        let by_request = self
            .gate
            .available_at()
            .map(|available_at| available_at.max(self.blocked_until()));
        let next = by_request.map_or(due_at, |at| at.min(due_at));
        next.saturating_sub(self.origin.elapsed())
    }

    fn blocked_until(&self) -> Duration {
        Duration::from_millis(self.blocked_until.load(Ordering::Relaxed))
    }

    fn wait_for_key(self: &Arc<Self>) -> RefreshAnswer {
        // Subscribed before the signal: a fetch that ends in between is not missed.
        let mut reports = self.subscribe();
        let signal = self.signal(Cause::UnknownKey);
        if signal == Signal::Refused {
            return RefreshAnswer::Exhausted;
        }
        let Some(seat) = Seat::take(self) else {
            return RefreshAnswer::Saturated;
        };
        let mut deadline = Box::pin(self.sleep());
        let epoch = reports.borrow().epoch;
        RefreshAnswer::Wait(Box::pin(async move {
            let mut signal = signal;
            loop {
                tokio::select! {
                    biased;
                    changed = reports.changed() => if changed.is_err() { return RefreshOutcome::Failed },
                    () = deadline.as_mut() => return RefreshOutcome::Failed,
                }
                let report = *reports.borrow_and_update();
                let may_be_too_early = signal == Signal::UnderWay;
                if !report.succeeded {
                    return RefreshOutcome::Failed;
                }
                if report.epoch != epoch || !may_be_too_early {
                    return RefreshOutcome::Succeeded;
                }
                // The fetch had begun before the signal and brought nothing new: the key may be newer than it.
                signal = seat.0.signal(Cause::UnknownKey);
                if signal == Signal::Refused {
                    return RefreshOutcome::Succeeded;
                }
            }
        }))
    }

    fn sleep(&self) -> Sleep {
        let _runtime = self.runtime.enter();
        tokio::time::sleep(self.waits.longest)
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals")
            .field("gate", &self.gate)
            .field("waiters", &self.waiters)
            .finish_non_exhaustive()
    }
}

/// One of the places for waiting requests; given back however the wait ends.
struct Seat(Arc<Signals>);

impl Seat {
    fn take(signals: &Arc<Signals>) -> Option<Self> {
        let change = |waiters| (waiters < signals.waits.most_waiters).then_some(waiters + 1);
        let taken = signals
            .waiters
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
        taken.is_ok().then(|| Self(signals.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.waiters.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What the issuer's keys hold on to. The last clone of the keys drops it, and the task sees its channel close.
pub(crate) struct Signaller {
    pub(crate) signals: Arc<Signals>,
    pub(crate) _stop: oneshot::Sender<Infallible>,
}

impl Refresh for Signaller {
    fn unknown_key(&self) -> RefreshAnswer {
        self.signals.wait_for_key()
    }

    fn bad_signature(&self) {
        self.signals.signal(Cause::BadSignature);
    }

    fn no_keys(&self) {
        self.signals.signal(Cause::UnknownKey);
    }

    fn next_attempt(&self) -> Option<Duration> {
        Some(self.signals.next_attempt())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;

    type Wait = Pin<Box<dyn Future<Output = RefreshOutcome> + Send>>;

    const WAITS: WaitRules = WaitRules {
        longest: Duration::from_secs(1),
        most_waiters: 256,
    };

    fn signals() -> (Arc<Signals>, watch::Sender<Report>) {
        Signals::new(
            BudgetRules::default(),
            WAITS,
            Instant::now(),
            Handle::current(),
        )
    }

    fn wait(signals: &Arc<Signals>) -> Wait {
        match signals.wait_for_key() {
            RefreshAnswer::Wait(wait) => wait,
            answer => panic!("{answer:?}"),
        }
    }

    /// What the task does when a fetch ends.
    fn end(signals: &Signals, reports: &watch::Sender<Report>, succeeded: bool, epoch: u64) {
        signals.gate.end();
        reports.send_replace(Report { succeeded, epoch });
    }

    async fn is_woken(signals: &Signals) -> bool {
        tokio::select! {
            biased;
            () = signals.wake.notified() => true,
            () = std::future::ready(()) => false,
        }
    }

    async fn is_over(wait: &mut Wait) -> bool {
        tokio::select! {
            biased;
            _ = wait => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_requests_wait_for_one_fetch() {
        let (signals, reports) = signals();
        let mut waits: Vec<Wait> = (0..200).map(|_| wait(&signals)).collect();
        assert!(is_woken(&signals).await);
        assert!(!is_woken(&signals).await, "once");
        signals.gate.begin();
        for wait in &mut waits {
            assert!(!is_over(wait).await);
        }
        end(&signals, &reports, true, 2);
        for wait in &mut waits {
            assert!(is_over(wait).await);
        }
        drop(waits);
        assert_eq!(signals.waiters.load(Ordering::Acquire), 0);
        let _second = wait(&signals);
        signals.gate.begin();
        signals.gate.end();
        assert!(
            matches!(signals.wait_for_key(), RefreshAnswer::Exhausted),
            "the 200 took one of two"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_257th_request_does_not_wait() {
        let (signals, _reports) = signals();
        let mut waits: Vec<Wait> = (0..256).map(|_| wait(&signals)).collect();
        assert!(matches!(signals.wait_for_key(), RefreshAnswer::Saturated));
        waits.pop();
        waits.push(wait(&signals));
        assert!(matches!(signals.wait_for_key(), RefreshAnswer::Saturated));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_leave_neither_stop_the_fetch_nor_take_from_the_budget() {
        let (signals, reports) = signals();
        for _ in 0..10_000 {
            drop(wait(&signals));
        }
        assert!(signals.gate.is_signalled(), "the fetch is still to come");
        assert!(is_woken(&signals).await);
        signals.gate.begin();
        for _ in 0..10_000 {
            drop(wait(&signals));
        }
        end(&signals, &reports, true, 2);
        let _second = wait(&signals);
        assert!(is_woken(&signals).await, "one of two is left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_after_a_second() {
        let (signals, _reports) = signals();
        let start = Instant::now();
        assert_eq!(wait(&signals).await, RefreshOutcome::Failed);
        assert_eq!(start.elapsed().as_secs(), 1);
        assert!(signals.gate.is_signalled(), "the signal stands");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_had_begun_before_may_have_been_too_early() {
        let (signals, reports) = signals();
        signals.gate.begin();
        let mut early = wait(&signals);
        end(&signals, &reports, true, 0);
        assert!(
            !is_over(&mut early).await,
            "nothing new came: one more look"
        );
        assert!(is_woken(&signals).await);
        signals.gate.begin();
        end(&signals, &reports, true, 0);
        assert!(is_over(&mut early).await, "but only one");

        signals.gate.begin();
        let mut lucky = wait(&signals);
        end(&signals, &reports, true, 1);
        assert!(is_over(&mut lucky).await, "something new came");
        signals.gate.begin();
        let mut failed = wait(&signals);
        end(&signals, &reports, false, 1);
        assert!(is_over(&mut failed).await, "an outage is not waited out");
    }

    #[tokio::test(start_paused = true)]
    async fn no_signal_passes_while_the_issuer_asks_to_be_left_alone() {
        let (signals, _reports) = signals();
        signals.block_until(Duration::from_secs(120));
        for _ in 0..10 {
            assert!(matches!(signals.wait_for_key(), RefreshAnswer::Exhausted));
        }
        tokio::time::advance(Duration::from_secs(120)).await;
        drop(wait(&signals));
        assert!(
            is_woken(&signals).await,
            "and none was taken from the budget"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_attempt_is_due_by_the_schedule_or_by_the_budget() {
        let (signals, reports) = signals();
        let next = || signals.next_attempt().as_secs();
        signals.set_due_at(Duration::from_secs(60));
        assert_eq!(next(), 0, "a request can start one now");
        for _ in 0..2 {
            drop(wait(&signals));
            assert_eq!(next(), 0, "one is about to begin");
            signals.gate.begin();
            end(&signals, &reports, false, 0);
        }
        assert_eq!(next(), 10, "the budget is refilled");
        signals.set_due_at(Duration::from_secs(4));
        assert_eq!(next(), 4);
        signals.set_due_at(Duration::from_secs(60));
        signals.block_until(Duration::from_secs(40));
        assert_eq!(next(), 40, "the issuer asked for it");
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(next(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_task_that_has_ended() {
        let (signals, reports) = signals();
        let mut before = wait(&signals);
        drop(reports);
        assert!(is_over(&mut before).await);
        assert!(is_over(&mut wait(&signals)).await);
    }

    #[test]
    fn a_wait_works_without_a_runtime_of_its_own() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (signals, reports) = runtime.block_on(async { signals() });
        let mut wait = wait(&signals);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(wait.as_mut().poll(&mut context).is_pending());
        drop(runtime);
        drop(reports);
        assert!(wait.as_mut().poll(&mut context).is_ready());
    }
}
