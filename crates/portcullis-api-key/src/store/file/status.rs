use std::time::Duration;

use portcullis_core::UnixTime;

/// How a [`FileStore`](crate::FileStore) is doing: what readiness and metrics report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileStoreStatus {
    /// How many keys are served, revoked and expired ones included.
    pub keys: usize,
    /// When these keys were read.
    pub loaded_at: UnixTime,
    /// When the file was last found to hold these keys.
    pub checked_at: UnixTime,
    /// What was wrong when the file was last looked at; `None` when all was well.
    pub last_error: Option<String>,
    /// Since when changes of the file, such as revocations, are not seen: it is unreadable, malformed or not trusted, or
    /// its path no longer leads to the file that is changed.
    pub failing_since: Option<UnixTime>,
    /// What the operator should change about the file: its permissions, or how it is mounted.
    pub warnings: Vec<&'static str>,
    /// Whether that has lasted longer than [`outage_limit`](Self::outage_limit), so that no key can be decided on.
    pub is_stale: bool,
    /// How long a key may still be accepted after its revocation was written, while the file can be read.
    pub revocation_bound: Duration,
    /// How long keys may still be accepted while the file cannot be read; then they get 503.
    pub outage_limit: Duration,
}
