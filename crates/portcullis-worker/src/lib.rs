//! The background worker of the Portcullis crates.
//!
//! A [`Worker`] owns one task, which refreshes something in the background (the keys of an issuer, a token, a key file)
//! and publishes the result. Callers read it without waiting.
//!
//! - Dropping the last clone of the [`Worker`] stops the task at its next `.await`, in the middle of a run if need be.
//! - The task publishes a [`State`] as a whole, and [`Shared::state`] borrows it without a lock. [`Shared::events`] tells
//!   of changes, and each event is also logged.
//! - A run is one piece of the task's work, such as one fetch. [`Worker::request_run_if`] asks for a run, and callers share
//!   it. [`Worker::wake`] ends a pause.
//! - [`Backoff`] doubles the pause after failures. A pause is never longer than 10 s, in case a clock jumps.

mod backoff;
mod budget;
mod runtime;
mod shared;
mod task;
mod worker;

pub use self::{
    backoff::{Backoff, BackoffRules, Jitter},
    budget::{Budget, BudgetRules},
    runtime::current_runtime,
    shared::{Death, RunTicket, Shared, State},
    task::Task,
    worker::{TaskEnded, Worker},
};
