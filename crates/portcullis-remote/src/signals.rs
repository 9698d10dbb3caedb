//! Requests that ask for a refresh of the keys.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use portcullis_jwt::{Refresh, RefreshAnswer, RefreshOutcome};
use portcullis_worker::{Budget, BudgetRules, Run, Worker};
use tokio::sync::Semaphore;

use crate::status::RefreshState;

/// What requests may ask of the task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignalRules {
    /// How many fetches unknown keys may cause, and bad signatures as many again.
    pub(crate) budget: BudgetRules,
    /// How long a request waits at most.
    pub(crate) longest_wait: Duration,
    /// How many requests wait at most.
    pub(crate) most_waiters: usize,
}

/// How the keys' users reach the task. The keys own it, and it owns the task: the task stops with the last clone of the
/// keys.
pub(crate) struct Signals(Arc<Inner>);

struct Inner {
    worker: Worker<RefreshState>,
    rules: SignalRules,
    waiters: Arc<Semaphore>,
    unknown_keys: Mutex<Budget>,
    /// A budget of its own: anyone can send a bad signature at any time.
    bad_signatures: Mutex<Budget>,
}

impl Signals {
    pub(crate) fn new(worker: Worker<RefreshState>, rules: SignalRules) -> Self {
        Self(Arc::new(Inner {
            worker,
            waiters: Arc::new(Semaphore::new(
                rules.most_waiters.min(Semaphore::MAX_PERMITS),
            )),
            rules,
            unknown_keys: Mutex::default(),
            bad_signatures: Mutex::default(),
        }))
    }
}

impl Inner {
    /// Requests a fetch. It takes from the budget only if no fetch is under way or requested, and never while the issuer
    /// asks to be left alone.
    fn request(&self, budget: &Mutex<Budget>) -> Option<Run> {
        let now = self.worker.now();
        if !self.worker.state().backoff.retry_after_left(now).is_zero() {
            return None;
        }
        self.worker.request_run(|| {
            let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
            let left = budget.take(&self.rules.budget, now.monotonic());
            *budget = left.unwrap_or(*budget);
            left.is_some()
        })
    }

    /// Waits for a fetch. One that had begun before the request, and brought no change, may have been too early for the
    /// key: then for one more.
    async fn wait(&self, mut run: Run, epoch: u64) -> RefreshOutcome {
        loop {
            if self.worker.finished(run).await.is_err() {
                return RefreshOutcome::Failed;
            }
            let state = self.worker.state();
            if state.last_error.is_some() {
                return RefreshOutcome::Failed;
            }
            if state.epoch != epoch || !run.had_begun() {
                return RefreshOutcome::Succeeded;
            }
            drop(state);
            match self.request(&self.unknown_keys) {
                Some(next) => run = next,
                None => return RefreshOutcome::Succeeded,
            }
        }
    }
}

impl Refresh for Signals {
    fn unknown_key(&self) -> RefreshAnswer {
        let inner = self.0.clone();
        // Read before the request: a fetch that ends in between has then changed it.
        let epoch = inner.worker.state().epoch;
        let Some(run) = inner.request(&inner.unknown_keys) else {
            return RefreshAnswer::Exhausted;
        };
        let Ok(permit) = inner.waiters.clone().try_acquire_owned() else {
            return RefreshAnswer::Saturated;
        };
        let longest = inner.rules.longest_wait;
        let worker = inner.worker.clone();
        let wait = worker.within(longest, async move {
            let _permit = permit;
            inner.wait(run, epoch).await
        });
        let wait: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async { wait.await.unwrap_or(RefreshOutcome::Failed) });
        RefreshAnswer::Wait(wait)
    }

    fn bad_signature(&self) {
        self.0.request(&self.0.bad_signatures);
    }

    fn no_keys(&self) {
        self.0.request(&self.0.unknown_keys);
    }

    /// By the schedule, or as soon as a request may cause a fetch.
    fn next_attempt(&self) -> Option<Duration> {
        let inner = &*self.0;
        let (now, state) = (inner.worker.now(), inner.worker.state());
        if inner.worker.is_busy() {
            return Some(Duration::ZERO);
        }
        let budget = *inner
            .unknown_keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let by_schedule = state.due_in(now);
        let by_request = budget
            .available_in(&inner.rules.budget, now.monotonic())
            .map(|wait| wait.max(state.backoff.retry_after_left(now)));
        Some(by_request.map_or(by_schedule, |wait| wait.min(by_schedule)))
    }
}
