//! An issuer that is down, slow, hanging or faulty, and callers that send unknown `kid`s.
//!
//! In all tests, valid tokens pass until the keys are stale, forged tokens never pass, an outage is 503 with
//! `Retry-After` and never 401, and callers cause only the fetches of the budget. `at_start`, `later` and `metadata` run
//! every fault with a service in this process. `live` runs `orders-api` as a process.

mod at_start;
mod later;
mod live;
mod metadata;
mod resets;
mod rotations;
mod spray;
mod stale;
mod waiting;
mod withdrawn;

mod answers;
mod faults;
mod noise;
mod service;
mod timeouts;
mod tokens;
