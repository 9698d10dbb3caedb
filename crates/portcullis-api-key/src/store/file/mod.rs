//! Keys in a TOML file.
//!
//! `document.rs` says what is in the file, `read.rs` and `write.rs` how it is read and replaced; [`KeyFile`] changes
//! it, [`FileStore`] serves requests from it and notices changes.

mod document;
mod edit;
mod error;
mod fields;
mod read;
mod shared;
mod status;
mod time;
mod watch;
mod watcher;
mod write;

pub use edit::KeyFile;
pub use error::{FileProblem, KeyFileError};
pub use status::FileStoreStatus;
pub use watch::{FileStore, FileStoreBuilder};
