//! The task of a worker.

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    thread,
    time::Duration,
};

use portcullis_core::clock::Deadline;
use tokio::{runtime::Runtime, time::sleep};

use crate::{Death, Shared, State, shared::Progress};

/// The handle by which the work of a task pauses, reports its runs and publishes.
pub struct Task<S: State>(pub(crate) Arc<Shared<S>>);

impl<S: State> Task<S> {
    /// The longest pause. A machine that slept or a clock that was set is noticed within this time.
    const LONGEST_PAUSE: Duration = Duration::from_secs(10);

    /// Starts the task on the runtime of the worker. It runs `work` until the last [`Worker`](crate::Worker) is dropped.
    #[expect(clippy::disallowed_methods, reason = "the worker owns the task")]
    pub fn spawn<F>(self, work: impl FnOnce(Self) -> F)
    where
        F: Future<Output = Infallible> + Send + 'static,
    {
        let runtime = self.runtime.clone();
        // The `JoinHandle` is not needed: the task ends when the last `Worker` is dropped.
        drop(runtime.spawn(supervise(self.report_end_on_drop(), work(self))));
    }

    /// Starts the task on a thread of its own, for work that blocks, or that must go on when the service's runtime stalls.
    /// The thread drives `runtime`, which must be the one whose handle [`Worker::new`](crate::Worker::new) got.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub fn spawn_thread<F>(self, runtime: Runtime, work: impl FnOnce(Self) -> F) -> io::Result<()>
    where
        F: Future<Output = Infallible> + Send + 'static,
    {
        let supervised = supervise(self.report_end_on_drop(), work(self));
        let thread = thread::Builder::new().name("portcullis-worker".to_owned());
        thread.spawn(move || runtime.block_on(supervised)).map(drop)
    }

    fn report_end_on_drop(&self) -> ReportEndOnDrop<S> {
        ReportEndOnDrop {
            shared: self.0.clone(),
            // `supervise` replaces this cause when the work panics.
            death: Death::RuntimeEnded,
        }
    }

    /// Pauses until the deadline, until the worker is woken, or for 10 s, whichever comes first. The caller then checks its
    /// deadlines again, because a clock may have jumped.
    pub async fn pause(&self, until: Deadline) {
        let pause = until.left(self.now()).min(Self::LONGEST_PAUSE);
        tokio::select! {
            biased;
            () = self.wake.notified() => {}
            () = sleep(pause) => {}
        }
    }

    /// Waits until a run is asked for or `due` is reached.
    pub async fn wait_for_run(&self, due: Deadline) {
        while !self.is_due(due) {
            self.pause(due).await;
        }
    }

    /// Whether a run is asked for or `due` is reached.
    pub fn is_due(&self, due: Deadline) -> bool {
        self.is_run_requested() || due.is_reached(self.now())
    }

    /// Whether a run was asked for that has not begun.
    pub fn is_run_requested(&self) -> bool {
        self.progress.borrow().is_requested
    }

    /// Notes that a run begins. From now on `Worker::request_next_run` asks for the run after it.
    pub fn begin_run(&self) {
        self.progress.send_modify(|progress| {
            progress.last_begun += 1;
            progress.is_requested = false;
        });
    }

    /// Notes that the run has ended, and wakes the callers that wait for it. The result must be published before.
    pub fn end_run(&self) {
        self.progress
            .send_modify(|progress| progress.last_ended = progress.last_begun);
    }
}

impl<S: State> Deref for Task<S> {
    type Target = Shared<S>;

    fn deref(&self) -> &Shared<S> {
        &self.0
    }
}

/// Runs `work` until the worker is told to stop. A stop also cancels a request that `work` waits for.
async fn supervise<S: State>(
    mut report: ReportEndOnDrop<S>,
    work: impl Future<Output = Infallible>,
) {
    let mut progress = report.shared.progress.subscribe();
    let mut work = pin!(work);
    // The report follows after the unwinding: a log that panics during it would abort the process.
    let panicked = poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or(Poll::Ready(()), |pending| {
            pending.map(|never| match never {})
        })
    });
    tokio::select! {
        biased;
        _ = progress.wait_for(|progress| progress.is_stopping) => {}
        () = panicked => report.death = Death::Panicked,
    }
}

/// Reports the end of a task, and its death if the worker was not stopped.
struct ReportEndOnDrop<S: State> {
    shared: Arc<Shared<S>>,
    death: Death,
}

impl<S: State> Drop for ReportEndOnDrop<S> {
    fn drop(&mut self) {
        // Read here, since `supervise` may not have seen the stop: a process that ends drops its workers and then its
        // runtime, which may drop a task without polling it again.
        let shared = &self.shared;
        let was_stopped = shared.progress.borrow().is_stopping;
        let mut event = None;
        if !was_stopped {
            shared.update(|state| event = Some(state.died(self.death)));
        }
        let end = |progress: &mut Progress| progress.task_has_ended = true;
        shared.progress.send_modify(end);
        if let Some(event) = event {
            shared.announce(event);
        }
    }
}
