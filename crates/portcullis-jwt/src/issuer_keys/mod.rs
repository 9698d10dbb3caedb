//! The keys of one issuer: borrowed by verifiers, and published by the task that refreshes them.

mod refresh;
mod snapshot;

use std::{fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use portcullis_core::{ConfigError, log::has_secret_part};
use portcullis_jose::KeySet;

pub(crate) use self::snapshot::SnapshotCell;
pub use self::{
    refresh::{RefreshAnswer, Refresher},
    snapshot::{KeyPublisher, KeySnapshot},
};

/// The keys of one issuer. Cloning shares them.
///
/// A verifier borrows the current [`KeySnapshot`] without waiting for a lock. The keys are either fixed, or refreshed:
/// then a task publishes through a [`KeyPublisher`], and a [`Refresher`] takes the verifiers' requests for newer keys.
#[derive(Clone)]
pub struct IssuerKeys {
    issuer: Arc<str>,
    /// Shared with the publisher and with cached tokens, neither of which must keep `refresher` alive.
    snapshot: SnapshotCell,
    refresher: Option<Arc<dyn Refresher>>,
}

impl IssuerKeys {
    /// Keys from a file or from configuration, which never change and never become stale.
    ///
    /// # Errors
    ///
    /// When `issuer` is empty, or has a user name, a password, a query or a fragment.
    pub fn fixed(issuer: &str, keys: KeySet) -> Result<Self, ConfigError> {
        Self::new(issuer, KeySnapshot::fixed(keys), None)
    }

    /// Keys that `refresher` keeps up to date. The snapshot has no keys until the publisher publishes the first set.
    ///
    /// `refresher` lives as long as any clone of the keys; dropping it is the signal to stop refreshing. The publisher does
    /// not keep it alive.
    ///
    /// # Errors
    ///
    /// When `issuer` is empty, or has a user name, a password, a query or a fragment.
    pub fn refreshed(
        issuer: &str,
        refresher: Box<dyn Refresher>,
    ) -> Result<(Self, KeyPublisher), ConfigError> {
        let keys = Self::new(issuer, KeySnapshot::default(), Some(refresher.into()))?;
        let publisher = KeyPublisher(keys.snapshot.clone());
        Ok((keys, publisher))
    }

    fn new(
        issuer: &str,
        snapshot: KeySnapshot,
        refresher: Option<Arc<dyn Refresher>>,
    ) -> Result<Self, ConfigError> {
        if issuer.is_empty() {
            let problem = "it is empty: set the value that tokens carry as `iss`";
            return Err(ConfigError::new("issuer", problem));
        }
        if has_secret_part(issuer) {
            let problem = "must not contain a user name, password, query or fragment, which would appear in logs";
            return Err(ConfigError::new("issuer", problem));
        }
        Ok(Self {
            issuer: issuer.into(),
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            refresher,
        })
    }

    /// The issuer, exactly as tokens must carry it in `iss` (RFC 7519 §4.1.1).
    #[must_use]
    pub fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// The current keys.
    #[must_use]
    pub fn snapshot(&self) -> Guard<Arc<KeySnapshot>> {
        self.snapshot.load()
    }

    /// The cell that holds the current keys. It does not keep the refresher alive.
    pub(crate) fn snapshot_cell(&self) -> &SnapshotCell {
        &self.snapshot
    }

    /// Whether the keys never change.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.refresher.is_none()
    }

    pub(crate) fn refresher(&self) -> Option<&dyn Refresher> {
        self.refresher.as_deref()
    }
}

impl AsRef<Self> for IssuerKeys {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKeys")
            .field("issuer", &self.issuer)
            .field("snapshot", &self.snapshot())
            .field("fixed", &self.is_fixed())
            .finish()
    }
}

#[cfg(test)]
mod tests;
