//! Where keys are kept.

#[cfg(feature = "file")]
mod file;
mod key_store;
mod memory;

#[cfg(all(feature = "file", unix))]
pub use file::KeyFile;
#[cfg(feature = "file")]
pub use file::{FileStore, FileStoreBuilder, FileStoreStatus, KeyFileError, to_rfc3339};
pub use key_store::{KeyStore, Lookup, PendingLookup, StoreError};
pub use memory::MemoryStore;
