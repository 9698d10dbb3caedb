//! Reads the files that a service is configured with: API keys, secrets, certificates, key sets.
//!
//! [`read`] opens only regular files, so a FIFO cannot block it. It reads at most a given number of bytes, and reads
//! again if the file changes while it is read. [`Contents`] also has the warnings that the operator should see: which
//! other users may read or write the file, and whether later changes of the file will be visible.
//!
//! [`WatchedFile`] is for a file that is read repeatedly. It logs each warning once, and can read even when the
//! process has no free file descriptor.
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
