use std::{path::PathBuf, time::Duration};

use portcullis_core::clock::SharedClock;

/// The settings of a [`FileStore`](crate::FileStore).
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) path: PathBuf,
    pub(super) accept_writable_by_everyone: bool,
    pub(super) interval: Duration,
    pub(super) outage_limit: Duration,
    pub(super) clock: SharedClock,
}

impl Settings {
    /// The time within which a revocation must be seen.
    pub(super) const REVOCATION_BOUND: Duration = Duration::from_secs(5);
}
