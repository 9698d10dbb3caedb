//! Reads the files that a service is configured with: API keys, secrets, certificates, key sets.
//!
//! [`read`] opens only regular files, so a FIFO cannot block it. It reads at most a given number of bytes, and reads
//! again if the file changes while it is read. [`Contents`] also has warnings for the operator: that other users may read
//! or write the file, or that later changes of the file will not be visible.
//!
//! [`WatchedFile`] is for a file that is read repeatedly. A read logs the warnings that the read before did not have. It can
//! read even when the process has no free file descriptor.
//!
//! Nothing here needs a runtime. Every function blocks while it reads.

mod contents;
#[cfg(target_os = "linux")]
mod mount;
mod read;
mod stamp;
mod watched;

pub use contents::{Contents, DETACHED, directory_of, has_other_links};
pub use read::{read, read_bounded, read_config, read_trusted};
pub use stamp::Stamp;
pub use watched::{WatchedFile, is_out_of_descriptors};

/// The maximum size of a file with a credential that a client sends: 64 KiB.
pub const MAX_CREDENTIAL_BYTES: u64 = 64 * 1024;
