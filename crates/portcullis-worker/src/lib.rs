//! The background worker of the Portcullis crates.
//!
//! A [`Worker`] owns one task. The task refreshes something in the background (the keys of an issuer, a token, a key
//! file) and publishes the result; callers read it without waiting.
//!
//! | question | answer |
//! |---|---|
//! | How does it stop? | Dropping the last clone of the [`Worker`] stops the task, in the middle of a run if need be. |
//! | What do callers read? | A [`State`], published whole: [`Shared::state`] borrows it without a lock. |
//! | How do callers learn of changes? | By [`Shared::events`]. Each event is also logged. |
//! | What if it dies? | A panic, or the end of its runtime, is in the state, the events and the log: [`State::died`]. |
//! | How is it woken? | [`Worker::wake`] ends a pause. [`Worker::request_run`] asks for a run; many requests share one. |
//! | How is it waited for? | [`Worker::finished`] waits for a run, [`Worker::wait_for`] for a state, [`Worker::within`] bounds a wait. |
//! | How does it treat failures? | [`Backoff`] doubles the pause, with [`Jitter`], and honours `Retry-After`. |
//! | What if the clock jumps? | Times are [`Deadline`](portcullis_core::clock::Deadline)s, and a pause is never longer than 10 s. |
//!
//! ```
//! use std::{convert::Infallible, time::Duration};
//! use portcullis_core::clock::{Deadline, system_clock};
//! use portcullis_worker::{Death, State, Task, Worker};
//!
//! #[derive(Clone, Default)]
//! struct Certificates {
//!     reloads: u64,
//!     is_stopped: bool,
//! }
//!
//! impl State for Certificates {
//!     type Event = &'static str;
//!
//!     fn died(&mut self, _: Death) -> &'static str {
//!         self.is_stopped = true;
//!         "certificates are no longer reloaded"
//!     }
//!
//!     fn log(&self, event: &&'static str) {
//!         println!("{event}");
//!     }
//! }
//!
//! async fn reload(task: Task<Certificates>) -> Infallible {
//!     loop {
//!         task.begin_run();
//!         task.update(|certificates| certificates.reloads += 1);
//!         task.end_run();
//!         task.next_run(Deadline::after(task.now(), Duration::from_secs(3600))).await;
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis_worker::Stopped> {
//! let runtime = tokio::runtime::Handle::current();
//! let (worker, task) = Worker::new(Certificates::default(), system_clock(), runtime);
//! task.spawn(reload);
//! worker.run().await?; // reload now
//! assert_eq!(worker.state().reloads, 1);
//! # Ok(())
//! # }
//! ```

mod backoff;
mod budget;
mod shared;
mod task;
mod worker;

pub use self::{
    backoff::{Backoff, BackoffRules, Jitter},
    budget::{Budget, BudgetRules},
    shared::{Death, Run, Shared, State},
    task::Task,
    worker::{Stopped, Worker},
};
