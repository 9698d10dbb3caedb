//! Keeps the keys of token issuers fresh in the background.
//!
//! [`Issuer`] finds an issuer's keys by its metadata or at a configured URL, and owns the task that fetches them ahead of
//! time, survives outages, and, within a budget, answers requests that bring unknown keys. What requests see of it is
//! [`IssuerKeys`](portcullis_jwt::IssuerKeys): a snapshot that they borrow without waiting.
//!
//! The way of a refresh through the files: `refresh_requests.rs` (a request asks for it) → `task/mod.rs` → `fetch.rs` →
//! `portcullis-oauth` → `task/fetched.rs`, which publishes. `schedule.rs` decides when to fetch, without clocks or sockets.

mod disk;
mod error;
mod event;
mod fetch;
mod fixed;
mod issuer;
mod refresh_requests;
mod schedule;
mod status;
mod task;

pub use self::{
    error::StartError,
    event::{IssuerEvent, KeyId},
    fixed::{keys_from_jwks_file, keys_from_pem_file},
    issuer::{Issuer, IssuerBuilder},
    schedule::RefreshRules,
    status::Status,
};
pub use portcullis_core::clock::ClockOffset;
pub use portcullis_oauth::{FetchError, FetchErrorKind, HttpSettings};
pub use portcullis_worker::{BackoffRules, BudgetRules};
