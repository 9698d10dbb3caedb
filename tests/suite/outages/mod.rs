//! An issuer that is down, slow, hanging or talks nonsense, and callers who name keys that it never had.
//!
//! What holds throughout: a valid token passes while the keys at hand may serve, nothing forged ever does, an outage is
//! 503 with `Retry-After` and never 401, and callers cause no more fetches than the budget has. `at_start`, `later` and
//! `metadata` put every fault to a service in this process; `live` runs `orders-api` as its users do.

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
mod patience;
mod service;
mod tokens;
