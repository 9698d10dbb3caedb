use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
};

use portcullis_core::ConfigError;
use portcullis_file::is_out_of_descriptors;

use crate::error::KeyError;

/// Why a key file could not be read or changed. The text contains paths, lines and ids, and no content of the file.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file does not exist, cannot be read, or must not be trusted.
    #[error("cannot read the API key file {}{}", path.display(), advice(path, source, *was_read))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system, or why the file is not trusted.
        source: io::Error,
        /// Whether a [`FileStore`](crate::FileStore) had read the file before.
        was_read: bool,
    },
    /// The watch of the file could not start, or has stopped.
    #[error("the watch of the API key file {} could not start, or has stopped: restart the service, and if this repeats, raise its limits of threads and descriptors", path.display())]
    Watch {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be replaced.
    #[error("cannot write {}: list the API keys, since they may have changed", path.display())]
    Write {
        /// The file, its lock or its directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file would become larger than 64 MiB, and could not be read again.
    #[error("the API keys are unchanged, because {} would become larger than 64 MiB: remove ended keys (`portcullis keys purge`), or use a database", .0.display())]
    Full(PathBuf),
    /// Another process is changing the file and did not finish within the lock timeout.
    #[error(
        "the API keys are unchanged, because {} is locked by {}: try again when it has finished",
        path.display(),
        holder.as_deref().unwrap_or("another process")
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The id and name of the process that holds the lock, if the system reveals it.
        holder: Option<String>,
    },
    /// The content is not that of a key file.
    #[error("the API key file {} is invalid: {}", path.display(), summary(problems))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// At most 100 problems, each with its line. The problem that the content is not UTF-8 has no line.
        problems: Vec<String>,
    },
    /// The key could not be created or changed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A setting of the store is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

portcullis_core::debug_as_report!(KeyFileError);

impl KeyFileError {
    pub(super) fn cannot_read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
            was_read: false,
        }
    }

    pub(super) fn cannot_watch(path: &Path, source: io::Error) -> Self {
        Self::Watch {
            path: path.to_owned(),
            source,
        }
    }

    /// The error of a file that existed before. The advice is then to restore the file, not to create it.
    pub(super) fn after_first_read(mut self) -> Self {
        if let Self::Read { was_read, .. } = &mut self {
            *was_read = true;
        }
        self
    }

    /// Whether the file could not be opened for lack of file descriptors.
    pub(super) fn is_out_of_descriptors(&self) -> bool {
        matches!(self, Self::Read { source, .. } if is_out_of_descriptors(source))
    }

    /// The kind of an error of reading the file, without paths and ids.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Read { source, .. } => match source.kind() {
                _ if is_out_of_descriptors(source) => "no free file descriptor",
                io::ErrorKind::NotFound => "missing",
                _ if source.raw_os_error().is_some() => "unreadable",
                // From `Contents::reject_*`, as errors of the operating system have a number.
                io::ErrorKind::PermissionDenied => "writable by every user",
                io::ErrorKind::StaleNetworkFileHandle => "replaced behind a mount",
                _ => "unreadable",
            },
            // Reading never fails with the other errors.
            _ => "unusable",
        }
    }

    pub(super) fn one_line(&self) -> String {
        match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

fn advice(path: &Path, source: &io::Error, was_read: bool) -> String {
    match source.kind() {
        io::ErrorKind::NotFound if was_read => {
            " (restore it from a backup, or deploy it again)".to_owned()
        }
        io::ErrorKind::NotFound => format!(
            " (correct the path or restore the file; only for a new one, run `portcullis keys create --store {} --owner OWNER`)",
            path.display()
        ),
        _ if is_out_of_descriptors(source) => " (raise the limit of open files)".to_owned(),
        _ => String::new(),
    }
}

fn summary(problems: &[String]) -> String {
    const MAX_SHOWN: usize = 10;
    match problems.split_at_checked(MAX_SHOWN) {
        Some((shown, more)) if !more.is_empty() => {
            format!("{}; and {} more", shown.join("; "), more.len())
        }
        _ => problems.join("; "),
    }
}
