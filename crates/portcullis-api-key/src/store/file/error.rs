use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use portcullis_core::ConfigError;

use crate::KeyError;

/// Why a key file could not be read or changed.
///
/// Its text names paths, lines and ids, never what the file holds.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file is not there, cannot be read, or must not be trusted.
    #[error("cannot read {}{}", path.display(), hint(path, source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says, or why the file is not trusted.
        source: io::Error,
    },
    /// The file cannot be replaced.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file, its lock or its directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process is changing the file, and did not finish in time.
    #[error(
        "{} is locked by {}: try again when it has finished",
        path.display(),
        holder.as_deref().unwrap_or("another process")
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds the lock, where the system tells: its id and name.
        holder: Option<String>,
    },
    /// What the file holds is not a list of keys.
    #[error("{}: {}", path.display(), summary(problems))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in the order of lines: the first hundred problems, where there are more.
        problems: Vec<FileProblem>,
    },
    /// The key could not be made or changed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A setting of the store cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl std::fmt::Debug for KeyFileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}

impl KeyFileError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    /// The error and what caused it, in one line.
    pub(super) fn in_full(&self) -> String {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => format!("{self}: {source}"),
            Self::Locked { .. } | Self::Malformed { .. } | Self::Key(_) | Self::Config(_) => {
                self.to_string()
            }
        }
    }
}

/// One thing that is wrong with a key file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileProblem {
    /// The line, from 1.
    pub line: usize,
    /// Which key it is about, where it is about one: its id, or `number 3` where that is what is wrong.
    pub key: Option<String>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(key) = &self.key {
            write!(f, ", key {key}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// How to make a file that is not there.
fn hint(path: &Path, source: &io::Error) -> String {
    if source.kind() == io::ErrorKind::NotFound {
        let path = path.display();
        format!(" (make it with `portcullis keys create --store {path} --owner OWNER`)")
    } else {
        String::new()
    }
}

fn summary(problems: &[FileProblem]) -> String {
    const SHOWN: usize = 10;
    let mut summary = problems
        .iter()
        .take(SHOWN)
        .map(FileProblem::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    if problems.len() > SHOWN {
        summary.push_str(&format!("; and {} more", problems.len() - SHOWN));
    }
    summary
}
