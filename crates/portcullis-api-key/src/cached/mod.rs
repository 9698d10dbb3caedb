//! A cache of verdicts before a store that answers over IO.
//!
//! `store.rs` answers requests: from `verdicts.rs`, or by a fetch in `flight.rs` that all who ask for the key share. `sync.rs`
//! keeps the verdicts up to date, and `feed.rs` says how far they can be trusted. `listen.rs` hears of changes at once, over
//! a bus, and `push.rs` says whether it does. While it does, `known.rs` tells unknown ids apart without a query; otherwise
//! `misses.rs` limits their queries. `flush.rs` records the uses of keys that `uses.rs` collects.

mod builder;
mod feed;
mod flight;
mod flush;
mod known;
mod listen;
mod manage;
mod misses;
mod push;
mod settings;
mod shared;
mod status;
mod store;
mod sync;
mod uses;
mod verdicts;

pub use builder::{CachedStoreBuilder, CachedStoreError};
pub use push::PushState;
pub use status::CachedStoreStatus;
pub use store::CachedStore;
