use portcullis_api_key::{KeyError, ManageError};

use crate::{
    database::{Purpose, SessionError},
    record::MalformedRow,
};

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Malformed(#[from] MalformedRow),
    #[error("{0}")]
    Other(&'static str),
    /// What was asked for is not possible.
    #[error(transparent)]
    Refused(#[from] ManageError),
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        Self::Refused(error.into())
    }
}

/// SQLSTATE query_canceled, and SQLite's `SQLITE_INTERRUPT`.
const INTERRUPTED: [&str; 2] = ["57014", "9"];
/// SQLSTATE insufficient_privilege and read_only_sql_transaction, and SQLite's `SQLITE_READONLY`.
const MAY_NOT_WRITE: [&str; 3] = ["42501", "25006", "8"];

impl Problem {
    fn has_code(&self, codes: &[&str]) -> bool {
        match self {
            Self::Session(error) => error.code().is_some_and(|code| codes.contains(&&*code)),
            _ => false,
        }
    }

    /// Whether the store may not be written with this account.
    pub(crate) fn is_read_only(&self) -> bool {
        self.has_code(&MAY_NOT_WRITE)
    }

    /// Whether a read of management took too long.
    pub(crate) fn is_too_slow(&self) -> bool {
        matches!(self, Self::Session(SessionError::Timeout(limit)) if *limit >= Purpose::View.timeout())
            || self.has_code(&INTERRUPTED)
    }
}
