//! Keys in a TOML file.
//!
//! `document.rs` and `entry.rs` read and write the file's content. [`KeyFile`] changes the file, under the lock of `lock.rs`.
//! [`FileStore`] answers requests from the snapshot of `snapshot.rs`, which `check.rs` keeps up to date on a
//! thread of its own.

mod changes;
mod check;
mod document;
mod entry;
mod error;
mod fields;
mod file_store;
mod key_file;
mod lock;
mod read;
mod replace;
mod settings;
mod snapshot;
mod status;
mod time;

pub use error::KeyFileError;
pub use file_store::{FileStore, FileStoreBuilder};
pub use key_file::KeyFile;
pub use status::FileStoreStatus;
