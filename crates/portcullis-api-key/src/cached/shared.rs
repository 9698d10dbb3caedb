use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{known::KnownIds, settings::Settings, verdicts::Verdicts};
use crate::source::KeySource;

/// What the requests and the tasks of a cache have in common.
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) source: Arc<dyn KeySource>,
    /// The source's name.
    pub(super) name: Arc<str>,
    pub(super) verdicts: Verdicts,
    pub(super) known: KnownIds,
    syncs_begun: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        settings: Arc<Settings>,
        source: Arc<dyn KeySource>,
        verdicts: Verdicts,
    ) -> Self {
        Self {
            settings,
            name: source.name().into(),
            source,
            verdicts,
            known: KnownIds::new(),
            syncs_begun: AtomicU64::new(0),
        }
    }

    /// The number of a sync that begins now.
    pub(super) fn begin_sync(&self) -> u64 {
        self.syncs_begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The number of the next sync, which sees all changes that were made before this call.
    pub(super) fn next_sync(&self) -> u64 {
        self.syncs_begun.load(Ordering::SeqCst) + 1
    }
}
