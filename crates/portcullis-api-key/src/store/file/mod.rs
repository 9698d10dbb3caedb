//! Keys in a TOML file.
//!
//! `document.rs` and `entry.rs` read and write the file's content. [`KeyFile`] changes the file, under the lock of `lock.rs`.
//! [`FileStore`] answers requests from the snapshot of `snapshot.rs`, which `check.rs` keeps up to date.

mod changes;
mod check;
mod document;
mod entry;
mod error;
mod fields;
mod key_file;
mod lock;
mod read;
mod replace;
mod settings;
mod snapshot;
mod status;
mod time;
mod watch;

pub use error::KeyFileError;
pub use key_file::KeyFile;
pub use status::FileStoreStatus;
pub use watch::{FileStore, FileStoreBuilder};
