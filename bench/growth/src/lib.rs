//! What the suite costs as things become many: API keys, issuers, keys of an issuer, scopes, threads.
//!
//! ```console
//! $ cd bench && cargo run --release -p portcullis-bench-growth -- --json growth.json
//! $ cargo run --release -p portcullis-bench-growth --bin memory
//! ```
//!
//! All of it is in-process, over a service that does nothing. A case that grows is measured at each of its sizes in
//! the same rounds, so that what differs between two sizes is not the machine's mood.

pub mod cases;
pub mod issuers;
pub mod key_set;
pub mod keys;
pub mod options;
pub mod scopes;
pub mod threads;
mod worker;
