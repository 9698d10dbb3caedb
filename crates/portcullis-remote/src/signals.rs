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

use portcullis_jwt::{BudgetRules, Refresh, RefreshAnswer};
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot, watch},
    time::{Instant, Sleep},
};

use crate::gate::{Gate, Signal};

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
        let millis = u64::try_from(since_origin.as_millis()).unwrap_or(u64::MAX);
        self.blocked_until.store(millis, Ordering::Relaxed);
    }

    fn signal(&self) -> Signal {
        let now = self.origin.elapsed();
        if now < Duration::from_millis(self.blocked_until.load(Ordering::Relaxed)) {
            return Signal::Refused;
        }
        let signal = self.gate.signal(now);
        if signal == Signal::Started {
            self.wake.notify_one();
        }
        signal
    }

    fn wait_for_key(self: &Arc<Self>) -> RefreshAnswer {
        // Subscribed before the signal: a fetch that ends in between is not missed.
        let mut reports = self.subscribe();
        let signal = self.signal();
        if signal == Signal::Refused {
            return RefreshAnswer::Exhausted;
        }
        let Some(seat) = Seat::take(self) else {
            return RefreshAnswer::Saturated;
        };
        let mut deadline = Box::pin(self.sleep());
        RefreshAnswer::Wait(Box::pin(async move {
            let epoch = reports.borrow().epoch;
            let mut signal = signal;
            loop {
                tokio::select! {
                    biased;
                    changed = reports.changed() => if changed.is_err() { return },
                    () = deadline.as_mut() => return,
                }
                let report = *reports.borrow_and_update();
                let may_be_too_early = signal == Signal::UnderWay;
                if !report.succeeded || report.epoch != epoch || !may_be_too_early {
                    return;
                }
                // The fetch had begun before the signal and brought nothing new: the key may be newer than it.
                signal = seat.0.signal();
                if signal == Signal::Refused {
                    return;
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
        self.signals.signal();
    }
}
