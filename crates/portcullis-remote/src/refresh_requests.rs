//! Requests that ask for a refresh of the keys.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use portcullis_core::lock;
use portcullis_jwt::{RefreshAnswer, Refresher};
use portcullis_worker::{Budget, BudgetRules, RunTicket, Worker};
use tokio::sync::Semaphore;

use crate::status::RefreshState;

const MOST_WAITERS: usize = 256;

/// The `Refresher` of an issuer. `IssuerKeys` holds the `RefreshRequests`, which hold the worker: the task stops with the last
/// clone of the keys.
#[derive(Clone)]
pub(crate) struct RefreshRequests {
    worker: Worker<RefreshState>,
    rules: BudgetRules,
    longest_wait: Duration,
    waiters: Arc<Semaphore>,
    unknown_keys: Arc<Mutex<Budget>>,
    /// A budget of its own, so that bad signatures do not use up the fetches for unknown keys, the usual sign of a rotation.
    bad_signatures: Arc<Mutex<Budget>>,
}

impl RefreshRequests {
    pub(crate) fn new(
        worker: Worker<RefreshState>,
        rules: BudgetRules,
        longest_wait: Duration,
    ) -> Self {
        Self {
            worker,
            rules,
            longest_wait,
            waiters: Arc::new(Semaphore::new(MOST_WAITERS)),
            unknown_keys: Arc::default(),
            bad_signatures: Arc::default(),
        }
    }

    /// Requests a fetch, or joins the fetch that is under way or requested, which takes nothing from the budget. `None` if
    /// the budget is spent, while the issuer's `Retry-After` is running, or if there are newer keys than those of `epoch`.
    fn request_fetch(&self, budget: &Mutex<Budget>, epoch: Option<u64>) -> Option<RunTicket> {
        let now = self.worker.now();
        let backoff = self.worker.state().schedule.backoff;
        if !backoff.retry_after_left(now).is_zero() {
            return None;
        }
        self.worker.request_run_if(|| {
            // No fetch is under way. A higher epoch means that one ended since the token was checked.
            if epoch.is_some_and(|epoch| self.worker.state().epoch > epoch) {
                return false;
            }
            let mut budget = lock(budget);
            let left = budget.take(&self.rules, now.monotonic());
            *budget = left.unwrap_or(*budget);
            left.is_some()
        })
    }

    /// Returns whether a token that the fetched keys do not verify is refused. A fetch that was under way may have read the
    /// keys too early: if it changed nothing, waits for another; if it changed the keys, returns false: such a token gets 503.
    async fn wait(&self, first: RunTicket, epoch: u64) -> bool {
        let mut run = first;
        loop {
            if self.worker.wait_until_ended(run).await.is_err() {
                return false;
            }
            if self.worker.state().last_error.is_some() {
                return false;
            }
            if run != first || !run.joined_running() {
                return true;
            }
            if self.worker.state().epoch != epoch {
                return false;
            }
            match self.request_fetch(&self.unknown_keys, Some(epoch)) {
                Some(next) => run = next,
                // There are newer keys, or no further fetch may be made: the fetch that succeeded decides.
                None => return true,
            }
        }
    }
}

impl Refresher for RefreshRequests {
    fn request_newer_keys(&self, epoch: u64) -> RefreshAnswer {
        let Some(run) = self.request_fetch(&self.unknown_keys, Some(epoch)) else {
            return RefreshAnswer::Exhausted;
        };
        let Ok(permit) = self.waiters.clone().try_acquire_owned() else {
            return RefreshAnswer::Saturated;
        };
        let requests = self.clone();
        let wait = self.worker.within(self.longest_wait, async move {
            let _permit = permit;
            requests.wait(run, epoch).await
        });
        RefreshAnswer::Wait(Box::pin(async { wait.await.unwrap_or(false) }))
    }

    fn report_bad_signature(&self) {
        self.request_fetch(&self.bad_signatures, None);
    }

    fn report_no_keys(&self) {
        self.request_fetch(&self.unknown_keys, None);
    }

    /// The time until the schedule's next fetch or until a request may cause a fetch, whichever is earlier. Zero while a
    /// fetch is under way or requested.
    fn next_attempt(&self) -> Option<Duration> {
        if self.worker.is_busy() {
            return Some(Duration::ZERO);
        }
        let (now, state) = (self.worker.now(), self.worker.state());
        let by_schedule = state.schedule.due_at.left(now);
        let by_request = lock(&self.unknown_keys)
            .available_in(&self.rules, now.monotonic())
            .map(|wait| wait.max(state.schedule.backoff.retry_after_left(now)));
        Some(by_request.map_or(by_schedule, |wait| wait.min(by_schedule)))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use portcullis_core::clock::{Deadline, Moment, system_clock};
    use portcullis_worker::{Jitter, Task};
    use tokio::{
        runtime::Handle,
        time::{Instant, advance},
    };

    use super::*;
    use crate::{FetchError, FetchErrorKind, RefreshRules, schedule::RefreshSchedule};

    type Wait = Pin<Box<dyn Future<Output = bool> + Send>>;

    fn refresh_requests() -> (RefreshRequests, Task<RefreshState>) {
        let clock = system_clock();
        let start = Moment::new(clock.now(), Duration::ZERO);
        let schedule = RefreshSchedule::new(RefreshRules::default(), Duration::ZERO, start);
        let state = RefreshState::new("issuer".into(), schedule);
        let (worker, task) = Worker::new(state, clock, Handle::current());
        let requests = RefreshRequests::new(worker, BudgetRules::default(), Duration::from_secs(1));
        (requests, task)
    }

    fn wait(requests: &RefreshRequests) -> Wait {
        let epoch = requests.worker.state().epoch;
        match requests.request_newer_keys(epoch) {
            RefreshAnswer::Wait(wait) => wait,
            _ => panic!("the request does not wait"),
        }
    }

    /// Ends a fetch as the task does.
    fn end(task: &Task<RefreshState>, succeeded: bool, epoch: u64) {
        let error = || FetchError::new(FetchErrorKind::Unreachable, "down");
        task.update(|state| {
            state.epoch = epoch;
            state.last_error = (!succeeded).then(error);
        });
        task.end_run();
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
        let (requests, task) = refresh_requests();
        let mut waits: Vec<Wait> = (0..200).map(|_| wait(&requests)).collect();
        assert!(task.is_run_requested());
        task.begin_run();
        assert!(!is_over(&mut waits[199]).await);
        end(&task, true, 2);
        for wait in &mut waits {
            assert!(is_over(wait).await);
        }
        drop(waits);
        assert_eq!(requests.waiters.available_permits(), 256);
        drop(wait(&requests));
        task.begin_run();
        task.end_run();
        // The 200 took one of two.
        assert!(matches!(
            requests.request_newer_keys(2),
            RefreshAnswer::Exhausted
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn request_after_a_fetch_of_newer_keys_spends_no_budget() {
        let (requests, task) = refresh_requests();
        drop(wait(&requests));
        task.begin_run();
        end(&task, true, 1);
        // Their tokens were checked before the fetch ended.
        for _ in 0..20 {
            let answer = requests.request_newer_keys(0);
            assert!(matches!(answer, RefreshAnswer::Exhausted));
        }
        assert!(!task.is_run_requested());
        drop(wait(&requests));
        assert!(task.is_run_requested(), "one of two is left");
    }

    #[tokio::test(start_paused = true)]
    async fn request_257_does_not_wait() {
        let (requests, _task) = refresh_requests();
        let mut waits: Vec<Wait> = (0..256).map(|_| wait(&requests)).collect();
        assert!(matches!(
            requests.request_newer_keys(0),
            RefreshAnswer::Saturated
        ));
        waits.pop();
        waits.push(wait(&requests));
        assert!(matches!(
            requests.request_newer_keys(0),
            RefreshAnswer::Saturated
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_requests_neither_stop_the_fetch_nor_spend_the_budget() {
        let (requests, task) = refresh_requests();
        for _ in 0..10_000 {
            drop(wait(&requests));
        }
        assert!(task.is_run_requested(), "the fetch is still to come");
        task.begin_run();
        for _ in 0..10_000 {
            drop(wait(&requests));
        }
        end(&task, true, 2);
        drop(wait(&requests));
        assert!(task.is_run_requested(), "one of two is left");
    }

    #[tokio::test(start_paused = true)]
    async fn wait_ends_after_a_second() {
        let (requests, task) = refresh_requests();
        let start = Instant::now();
        assert!(!wait(&requests).await);
        assert_eq!(start.elapsed().as_secs(), 1);
        assert!(task.is_run_requested(), "the request stands");
    }

    #[tokio::test(start_paused = true)]
    async fn fetch_that_began_before_the_request_may_be_too_early() {
        let (requests, task) = refresh_requests();
        task.begin_run();
        let mut early = wait(&requests);
        end(&task, true, 0);
        assert!(!is_over(&mut early).await, "nothing new: one more fetch");
        assert!(task.is_run_requested());
        task.begin_run();
        end(&task, true, 0);
        assert!(is_over(&mut early).await, "but only one");

        task.begin_run();
        let mut late = wait(&requests);
        end(&task, true, 0);
        task.begin_run();
        assert!(!is_over(&mut late).await, "a fetch that began later");
        end(&task, true, 0);
        assert!(late.await);
        assert!(!task.is_run_requested(), "it is enough");

        task.begin_run();
        let lucky = wait(&requests);
        end(&task, true, 1);
        assert!(!lucky.await, "new keys came, but may lack the token's key");
        task.begin_run();
        let failed = wait(&requests);
        end(&task, false, 1);
        assert!(!failed.await);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_the_token_was_checked_with_are_not_new() {
        let (requests, task) = refresh_requests();
        task.begin_run();
        // The fetch has published its keys, but has not ended.
        let RefreshAnswer::Wait(mut early) = requests.request_newer_keys(1) else {
            panic!("does not wait");
        };
        end(&task, true, 1);
        assert!(!is_over(&mut early).await, "one more fetch");
        assert!(task.is_run_requested());
    }

    #[tokio::test(start_paused = true)]
    async fn no_request_causes_a_fetch_during_retry_after() {
        let (requests, task) = refresh_requests();
        let (now, asked) = (task.now(), Some(Duration::from_secs(120)));
        task.update(|state| state.schedule.failed(now, asked, Jitter::MIDDLE));
        for _ in 0..10 {
            assert!(matches!(
                requests.request_newer_keys(0),
                RefreshAnswer::Exhausted
            ));
            requests.report_bad_signature();
        }
        assert!(!task.is_run_requested());
        advance(Duration::from_secs(120)).await;
        drop(wait(&requests));
        assert!(task.is_run_requested(), "the budget is full");
    }

    #[tokio::test(start_paused = true)]
    async fn bad_signatures_do_not_spend_the_budget_of_unknown_keys() {
        let (requests, task) = refresh_requests();
        let starts = |request: &dyn Fn(&RefreshRequests)| {
            request(&requests);
            let is_requested = task.is_run_requested();
            task.begin_run();
            task.end_run();
            is_requested
        };
        let bad_signature: &dyn Fn(&RefreshRequests) = &RefreshRequests::report_bad_signature;
        let unknown_key: &dyn Fn(&RefreshRequests) =
            &|requests| drop(requests.request_newer_keys(0));
        for request in [bad_signature, unknown_key] {
            assert!(starts(request) && starts(request));
            assert!(!starts(request), "two at once");
        }
        advance(Duration::from_secs(10)).await;
        for request in [bad_signature, unknown_key] {
            assert!(starts(request) && !starts(request), "one more after 10 s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn next_attempt_is_by_the_schedule_or_by_the_budget() {
        let (requests, task) = refresh_requests();
        let next = || requests.next_attempt().map(|wait| wait.as_secs());
        let due_in = |seconds| {
            let due = Deadline::after(task.now(), Duration::from_secs(seconds));
            task.update(|state| state.schedule.due_at = due);
        };
        due_in(60);
        assert_eq!(next(), Some(0), "a request can start one now");
        for _ in 0..2 {
            drop(wait(&requests));
            assert_eq!(next(), Some(0), "one is about to begin");
            task.begin_run();
            task.end_run();
        }
        assert_eq!(next(), Some(10), "the budget is refilled");
        due_in(4);
        assert!(matches!(next(), Some(3 | 4)));
        due_in(60);
        let (now, asked) = (task.now(), Some(Duration::from_secs(40)));
        task.update(|state| state.schedule.failed(now, asked, Jitter::MIDDLE));
        assert!(matches!(next(), Some(39 | 40)), "the issuer asked for it");
        advance(Duration::from_secs(40)).await;
        assert_eq!(next(), Some(0));
    }
}
