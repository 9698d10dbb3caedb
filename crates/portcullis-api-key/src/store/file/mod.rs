//! Keys in a TOML file.
//!
//! `document.rs` and `entry.rs` read and write the file's content. [`KeyFile`] changes the file, under the lock of `lock.rs`.
//! [`FileStore`] answers requests from a snapshot, which `check.rs` keeps up to date.

mod check;
mod document;
mod entry;
mod error;
mod fields;
mod key_file;
mod lock;
mod read;
mod replace;
mod status;
mod time;
mod watch;
mod watcher;

pub use error::{FileProblem, KeyFileError};
pub use key_file::KeyFile;
pub use status::FileStoreStatus;
pub use watch::{FileStore, FileStoreBuilder};
