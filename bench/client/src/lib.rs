//! Calls that carry a token: the suite's client beside other crates, wired as their users would into a tower client.
//!
//! Every [`Contender`] gets its tokens by client credentials of an issuer on loopback, its [`Site`]. `client_latency`
//! and `client_allocations` see what a call costs with a token at hand, over a client that answers at once;
//! `client_behaviour` sees what happens when there is none: many callers at once, renewal, and an issuer that fails.
//!
//! ```console
//! $ cargo run --release -p portcullis-bench-client --bin client_latency -- --quick --json latency.json
//! $ cargo run --release -p portcullis-bench-client --bin client_allocations
//! $ cargo run --release -p portcullis-bench-client --bin client_behaviour
//! ```

mod bare;
pub mod behaviour;
mod contenders;
mod report;
mod site;
mod target;
mod wired;

/// What requests and answers have: what can be sent twice.
pub type Body = http_body_util::Full<bytes::Bytes>;

pub use bare::{Bare, Sent, requests};
pub use contenders::{Absent, Contender, Visit, explain};
pub use portcullis_bench_harness::Options;
pub use report::{Missing, missing_json, notes, print_missing};
pub use site::Site;
pub use target::{Entry, Target, entries};
