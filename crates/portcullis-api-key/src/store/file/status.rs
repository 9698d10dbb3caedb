use portcullis_core::clock::UnixTime;

/// The state of a [`FileStore`](crate::FileStore), for readiness and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileStoreStatus {
    /// The number of keys, revoked and expired ones included.
    pub keys: usize,
    /// When the keys last changed; at first, when they were read.
    pub loaded_at: UnixTime,
    /// When the file was last found to hold these keys.
    pub confirmed_at: UnixTime,
    /// The error of the last check of the file.
    pub last_error: Option<String>,
    /// The kind of that error in a few words, without paths and ids, such as "missing" or "malformed". For endpoints that
    /// strangers can read.
    pub reason: Option<&'static str>,
    /// Since when changes of the file, such as revocations, are not seen: it is unreadable, malformed or not trusted, or
    /// the path no longer leads to the current file.
    pub failing_since: Option<UnixTime>,
    /// While checks fail, until when the keys read before are accepted.
    pub accepted_until: Option<UnixTime>,
    /// What the operator should change about the file's permissions or mount.
    pub warnings: Vec<&'static str>,
    /// Whether checks have failed for longer than the limit for outages, so that every key gets 503.
    pub is_stale: bool,
}
