//! Where keys are kept.

#[cfg(feature = "file")]
mod file;
mod key_map;
mod key_store;
mod memory;

#[cfg(feature = "file")]
pub use file::{FileStore, FileStoreBuilder, FileStoreStatus, KeyFile, KeyFileError};
pub use key_store::{KeyStore, Lookup, PendingLookup, StoreError};
pub use memory::MemoryStore;
