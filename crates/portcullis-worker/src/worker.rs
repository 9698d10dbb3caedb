//! The handle of a worker.

use std::{ops::Deref, sync::Arc, time::Duration};

use portcullis_core::clock::SharedClock;
use tokio::{runtime::Handle, time::timeout};

use crate::{RunTicket, Shared, State, Task, shared::Progress};

/// Owns one background task. Clones share it; the task stops when the last is dropped.
#[derive(Clone)]
pub struct Worker<S: State>(Arc<Owner<S>>);

struct Owner<S: State>(Arc<Shared<S>>);

impl<S: State> Drop for Owner<S> {
    fn drop(&mut self) {
        request_stop(&self.0);
    }
}

fn request_stop<S: State>(shared: &Shared<S>) {
    let stop = |progress: &mut Progress| progress.is_stopping = true;
    shared.progress.send_modify(stop);
}

/// The task has ended: it was stopped, it panicked, or its runtime was shut down.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the task of this worker has ended (stop, panic, end of its runtime): restart the service")]
pub struct TaskEnded;

portcullis_core::debug_as_report!(TaskEnded);

impl<S: State> Worker<S> {
    /// A worker and its task. The task does nothing until it is [spawned](Task::spawn) on `runtime`, which must have tokio's
    /// timer.
    pub fn new(state: S, clock: SharedClock, runtime: Handle) -> (Self, Task<S>) {
        let shared = Shared::new(state, clock, runtime);
        let task = Task(shared.clone());
        (Self(Arc::new(Owner(shared))), task)
    }

    /// Ends the task's pause. If the task is not pausing, its next pause ends at once. A run under way continues.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Joins the run that is about to begin, or else the run that is under way. If there is no such run, calls `admit`, and
    /// requests a run if `admit` returns true. Returns `None` if it returns false. Callers that share a run spend a budget
    /// only once if `admit` takes from it. `admit` must neither wait nor request a run.
    pub fn request_run_if(&self, admit: impl FnOnce() -> bool) -> Option<RunTicket> {
        let (mut run, mut is_new) = (None, false);
        // No receiver waits for `is_requested`, so none is notified.
        self.progress.send_if_modified(|progress| {
            if progress.is_requested {
                run = Some(progress.next_run());
            } else if progress.is_running() {
                run = Some(RunTicket {
                    number: progress.last_begun,
                    joined_running: true,
                });
            } else if admit() {
                (run, is_new) = (Some(progress.next_run()), true);
                progress.is_requested = true;
            }
            false
        });
        if is_new {
            self.wake();
        }
        run
    }

    /// Joins the run that is about to begin or under way, or else requests a run.
    pub fn request_or_join_run(&self) -> RunTicket {
        let run = self.request_run_if(|| true); // always `Some`
        run.unwrap_or_else(|| self.request_next_run())
    }

    /// Asks for a run that begins after this call, so that it sees every change that was made before the call.
    pub fn request_next_run(&self) -> RunTicket {
        let mut run = Progress::default().next_run();
        self.progress.send_if_modified(|progress| {
            progress.is_requested = true;
            run = progress.next_run();
            false
        });
        self.wake();
        run
    }

    /// Asks for a run that begins after this call, and waits for its end. Dropping the future does not stop the run.
    ///
    /// # Errors
    ///
    /// When the task has ended.
    pub async fn run_once(&self) -> Result<(), TaskEnded> {
        self.wait_until_ended(self.request_next_run()).await
    }

    /// Whether a run is under way or asked for.
    pub fn is_busy(&self) -> bool {
        let progress = self.progress.borrow();
        progress.is_running() || progress.is_requested
    }

    /// Waits for the end of a run.
    ///
    /// # Errors
    ///
    /// When the task ends before the run does.
    pub async fn wait_until_ended(&self, run: RunTicket) -> Result<(), TaskEnded> {
        let mut progress = self.progress.subscribe();
        let is_over =
            |progress: &Progress| progress.last_ended >= run.number || progress.task_has_ended;
        match progress.wait_for(is_over).await {
            Ok(progress) if progress.last_ended >= run.number => Ok(()),
            _ => Err(TaskEnded),
        }
    }

    /// Waits until the state meets a condition.
    ///
    /// # Errors
    ///
    /// When the task ends before the state meets the condition.
    pub async fn wait_for(&self, mut condition: impl FnMut(&S) -> bool) -> Result<(), TaskEnded> {
        let mut progress = self.progress.subscribe();
        loop {
            let has_ended = progress.borrow_and_update().task_has_ended;
            if condition(&self.state()) {
                return Ok(());
            }
            // The channel is open, as the worker holds the sender.
            if has_ended || progress.changed().await.is_err() {
                return Err(TaskEnded);
            }
        }
    }

    /// Waits for `future`, at most for `limit`; `None` if the time ran out. The timer is that of the worker's runtime, so the
    /// caller's runtime needs none.
    pub fn within<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F, S> {
        let _runtime = self.runtime.enter();
        let bounded = timeout(limit, future);
        async { bounded.await.ok() }
    }

    /// Stops the task at its next `.await`, in the middle of a run if need be, and waits for its end.
    pub async fn stop(&self) {
        request_stop(self);
        let mut progress = self.progress.subscribe();
        // The channel is open, as the worker holds the sender.
        let _ = progress.wait_for(|progress| progress.task_has_ended).await;
    }

    /// Whether the task has ended or was told to stop.
    pub fn is_stopped(&self) -> bool {
        let progress = self.progress.borrow();
        progress.task_has_ended || progress.is_stopping
    }
}

impl<S: State> Deref for Worker<S> {
    type Target = Shared<S>;

    fn deref(&self) -> &Shared<S> {
        &self.0.0
    }
}
