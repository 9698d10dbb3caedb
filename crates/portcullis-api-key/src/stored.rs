use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;
use portcullis_core::{
    Principal, PrincipalKind,
    clock::UnixTime,
    scheme::{Challenge, Failure, PrincipalParts},
};

use crate::{format::ApiKeyId, record::KeyRecord};

/// Keys by id. Callers cannot add ids, so the hash need not resist collision attacks.
pub(crate) type KeyMap = HashMap<ApiKeyId, Arc<StoredKey>, RandomState>;

/// All records, the oldest first, each with its last use.
pub(crate) fn list(keys: &KeyMap) -> Vec<KeyRecord> {
    let records = keys.values().map(|key| key.record_with_last_use());
    let mut records: Vec<_> = records.collect();
    records.sort_by_key(|record| (record.created_at, record.id));
    records
}

/// A record as a [`KeyStore`](crate::KeyStore) returns it.
///
/// It builds the principal on first use. A store should keep the `StoredKey` instead of creating another
/// for each lookup.
#[derive(Debug)]
pub struct StoredKey {
    record: KeyRecord,
    /// The principal for the scheme that used the key first, and the challenge of that scheme.
    prepared: OnceLock<(Arc<Challenge>, Principal)>,
    /// In seconds since the Unix epoch; 0 for never.
    last_used: AtomicU64,
}

impl StoredKey {
    /// Wraps a record.
    #[must_use]
    pub fn new(record: KeyRecord) -> Self {
        let last_used = record.last_used_at.map_or(0, UnixTime::as_secs);
        Self {
            record,
            prepared: OnceLock::new(),
            last_used: AtomicU64::new(last_used),
        }
    }

    /// The record as stored. Its `last_used_at` does not include later uses.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// The record with the last use that this process saw.
    pub(crate) fn record_with_last_use(&self) -> KeyRecord {
        let seconds = self.last_used.load(Ordering::Relaxed);
        KeyRecord {
            last_used_at: (seconds > 0).then(|| UnixTime::from_secs(seconds)),
            ..self.record.clone()
        }
    }

    /// Checks revocation and expiry, and notes the use. Called after the secret was verified: only the holder of the key may
    /// learn whether it is revoked or has expired.
    pub(crate) fn admit(
        &self,
        challenge: &Arc<Challenge>,
        now: UnixTime,
    ) -> Result<Principal, Failure> {
        if let Some(end) = self.record.end(now) {
            let for_log = format!("API key {} {end}", self.record.id);
            return Err(Failure::invalid(format!("the API key {end}")).with_internal(for_log));
        }
        // At most one write a second: each takes the cache line from the other cores.
        if self.last_used.load(Ordering::Relaxed) != now.as_secs() {
            self.last_used.store(now.as_secs(), Ordering::Relaxed);
        }
        Ok(self.principal(challenge))
    }

    fn principal(&self, challenge: &Arc<Challenge>) -> Principal {
        let prepare = || (challenge.clone(), self.make_principal(challenge));
        match self.prepared.get_or_init(prepare) {
            (first, principal) if Arc::ptr_eq(first, challenge) => principal.clone(),
            // Another scheme over the same store, whose realm may differ.
            _ => self.make_principal(challenge),
        }
    }

    fn make_principal(&self, challenge: &Arc<Challenge>) -> Principal {
        let mut parts = PrincipalParts::new(challenge.clone(), "api-key", PrincipalKind::Machine);
        parts.subject = Some((*self.record.owner).into());
        parts.credential_id = Some(self.record.id.as_str().into());
        parts.scopes = self.record.scopes.clone();
        parts.expires_at = self.record.expires_at;
        parts.into()
    }
}
