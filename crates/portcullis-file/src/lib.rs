//! Reads the files that a service is configured with: API keys, secrets, certificates, key sets.
//!
//! [`read`] opens regular files only, so that a FIFO cannot block it. It reads a bounded number of bytes, and starts
//! again when someone writes meanwhile. [`Contents`] also says what the reader should tell the operator: who else may
//! read or write the file, and whether changes can be seen at all.
//!
//! [`WatchedFile`] reads the same file again and again, even when the process has no free file descriptor.
//!
//! Nothing here needs a runtime. Every function blocks while it reads.

mod follow;
#[cfg(target_os = "linux")]
mod mount;
mod read;
mod stamp;
mod watched;

pub use read::{Contents, read};
pub use stamp::Stamp;
pub use watched::WatchedFile;

/// The warning of [`Contents::is_unlinked`].
pub const UNLINKED: &str = "it was replaced, renamed or deleted where it is mounted from, so changes are not seen: mount its directory \
                            instead of the file, do not rename that directory, and restart";

const MOUNT_POINT: &str = "it is mounted by itself, so its replacement will not be seen: mount its directory instead of the file";
