//! Keys in a TOML file.
//!
//! [`KeyFile`] changes the file, under the lock of `lock.rs`. [`FileStore`] answers requests from the snapshot of
//! `snapshot.rs`, which `check.rs` keeps up to date on a thread of its own.

mod changes;
mod check;
mod document;
mod error;
mod fields;
mod file_store;
#[cfg(unix)]
mod key_file;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod manager;
mod read;
#[cfg(unix)]
mod render;
#[cfg(unix)]
mod replace;
mod snapshot;
mod table;
mod time;

pub use error::KeyFileError;
pub use file_store::{FileStore, FileStoreBuilder};
#[cfg(unix)]
pub use key_file::KeyFile;
pub use snapshot::FileStoreStatus;
pub use time::to_rfc3339;
