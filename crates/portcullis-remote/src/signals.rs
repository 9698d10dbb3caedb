//! Requests that ask for a refresh of the keys.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// How requests reach the task. The keys own it, and it owns the task: the task stops with the last clone of the keys.
#[derive(Clone)]
pub(crate) struct Signals {
    worker: Worker<RefreshState>,
    rules: SignalRules,
    waiters: Arc<Semaphore>,
    unknown_keys: Arc<Mutex<Budget>>,
    /// A budget of its own: anyone can send a bad signature at any time.
    bad_signatures: Arc<Mutex<Budget>>,
}

impl Signals {
    pub(crate) fn new(worker: Worker<RefreshState>, rules: SignalRules) -> Self {
        let most_waiters = rules.most_waiters.min(Semaphore::MAX_PERMITS);
        Self {
            worker,
            rules,
            waiters: Arc::new(Semaphore::new(most_waiters)),
            unknown_keys: Arc::default(),
            bad_signatures: Arc::default(),
        }
    }

    /// Requests a fetch. It takes from the budget only if no fetch is under way or requested, and never while the issuer
    /// asks to be left alone.
    fn request(&self, budget: &Mutex<Budget>) -> Option<Run> {
        let now = self.worker.now();
        if !self.worker.state().backoff.retry_after_left(now).is_zero() {
            return None;
        }
        self.worker.request_run(|| {
            let mut budget = lock(budget);
            let left = budget.take(&self.rules.budget, now.monotonic());
            *budget = left.unwrap_or(*budget);
            left.is_some()
        })
    }

    /// Waits for a fetch. A fetch that began before the request and changed nothing may have been too early for the key:
    /// then waits for one more.
    async fn wait(&self, mut run: Run, epoch: u64) -> RefreshOutcome {
        loop {
            if self.worker.finished(run).await.is_err() {
                return RefreshOutcome::Failed;
            }
            let (has_failed, has_changed) = {
                let state = self.worker.state();
                (state.last_error.is_some(), state.epoch != epoch)
            };
            if has_failed {
                return RefreshOutcome::Failed;
            }
            if has_changed || !run.had_begun() {
                return RefreshOutcome::Succeeded;
            }
            match self.request(&self.unknown_keys) {
                Some(next) => run = next,
                None => return RefreshOutcome::Succeeded,
            }
        }
    }
}

fn lock(budget: &Mutex<Budget>) -> MutexGuard<'_, Budget> {
    budget.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Refresh for Signals {
    fn unknown_key(&self) -> RefreshAnswer {
        // Read before the request: a fetch that ends in between has then changed it.
        let epoch = self.worker.state().epoch;
        let Some(run) = self.request(&self.unknown_keys) else {
            return RefreshAnswer::Exhausted;
        };
        let Ok(permit) = self.waiters.clone().try_acquire_owned() else {
            return RefreshAnswer::Saturated;
        };
        let signals = self.clone();
        let wait = self.worker.within(self.rules.longest_wait, async move {
            let _permit = permit;
            signals.wait(run, epoch).await
        });
        RefreshAnswer::Wait(Box::pin(async {
            wait.await.unwrap_or(RefreshOutcome::Failed)
        }))
    }

    fn bad_signature(&self) {
        self.request(&self.bad_signatures);
    }

    fn no_keys(&self) {
        self.request(&self.unknown_keys);
    }

    /// By the schedule, or as soon as a request may cause a fetch.
    fn next_attempt(&self) -> Option<Duration> {
        if self.worker.is_busy() {
            return Some(Duration::ZERO);
        }
        let (now, state) = (self.worker.now(), self.worker.state());
        let by_schedule = state.due_in(now);
        let by_request = lock(&self.unknown_keys)
            .available_in(&self.rules.budget, now.monotonic())
            .map(|wait| wait.max(state.backoff.retry_after_left(now)));
        Some(by_request.map_or(by_schedule, |wait| wait.min(by_schedule)))
    }
}
