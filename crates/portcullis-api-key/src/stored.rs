use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use portcullis_core::{Challenge, Failure, Principal, PrincipalKind, UnixTime};

use crate::{KeyRecord, digest::UnknownPepper};

/// A record, ready to be checked against: what a [`KeyStore`](crate::KeyStore) hands out.
///
/// It keeps the principal that the key stands for, made on first use, so that later uses only share it. Stores should
/// therefore keep it behind its `Arc` rather than make it anew for each lookup.
pub struct StoredKey {
    record: KeyRecord,
    /// The principal carries the challenge of the scheme that asked first.
    prepared: OnceLock<(Arc<Challenge>, Principal)>,
    /// In seconds since the epoch; 0 for never.
    last_used: AtomicU64,
}

impl StoredKey {
    /// Prepares a record.
    #[must_use]
    pub fn new(record: KeyRecord) -> Self {
        let last_used = record.last_used_at().map_or(0, UnixTime::as_secs);
        Self {
            record,
            prepared: OnceLock::new(),
            last_used: AtomicU64::new(last_used),
        }
    }

    /// The record as it was stored.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// When the key was last used, to the second, as far as this process knows.
    #[must_use]
    pub fn last_used_at(&self) -> Option<UnixTime> {
        match self.last_used.load(Ordering::Relaxed) {
            0 => None,
            seconds => Some(UnixTime::from_secs(seconds)),
        }
    }

    /// Decides whether the key is good at `now`, for a caller that has proven to hold the key: other callers must not
    /// learn why it is refused.
    pub(crate) fn admit(
        &self,
        challenge: &Arc<Challenge>,
        now: UnixTime,
    ) -> Result<Principal, Failure> {
        if self.record.revoked_at().is_some() {
            return Err(self.refuse("the API key has been revoked", "has been revoked"));
        }
        if self.record.is_expired(now) {
            return Err(self.refuse("the API key has expired", "has expired"));
        }
        // Most requests come in a second that is already noted: reading shares the cache line, writing would not.
        if self.last_used.load(Ordering::Relaxed) != now.as_secs() {
            self.last_used.store(now.as_secs(), Ordering::Relaxed);
        }
        Ok(self.principal(challenge))
    }

    fn principal(&self, challenge: &Arc<Challenge>) -> Principal {
        let (owner, principal) = self
            .prepared
            .get_or_init(|| (challenge.clone(), self.make_principal(challenge)));
        if Arc::ptr_eq(owner, challenge) {
            principal.clone()
        } else {
            // A second scheme over the same store, with a realm of its own.
            self.make_principal(challenge)
        }
    }

    fn make_principal(&self, challenge: &Arc<Challenge>) -> Principal {
        let principal = Principal::builder(challenge.clone(), "api-key", PrincipalKind::Machine)
            .subject(self.record.owner())
            .credential_id(self.record.id().as_str())
            .scopes(self.record.scopes().clone());
        match self.record.expires_at() {
            Some(at) => principal.expires_at(at),
            None => principal,
        }
        .build()
    }

    fn refuse(&self, external: &'static str, internal: &str) -> Failure {
        Failure::invalid(external).with_internal(format!("API key {} {internal}", self.record.id()))
    }

    /// The refusal of a key whose digest cannot be made here.
    pub(crate) fn cannot_decide(&self, UnknownPepper(version): UnknownPepper) -> Failure {
        Failure::unavailable("the API key cannot be checked now").with_internal(format!(
            "API key {} was digested under pepper version {version}, which this service was not given",
            self.record.id()
        ))
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}
