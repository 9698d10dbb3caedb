use std::{
    collections::HashMap,
    fmt,
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

use crate::{
    digest::KeyDigest,
    format::ApiKeyId,
    record::{KeyRecord, KeyState},
};

/// Keys by id. Callers cannot add ids, so the hash need not resist collision attacks.
pub(crate) type KeyMap = HashMap<ApiKeyId, Arc<StoredKey>, RandomState>;

/// All records, the oldest first, each with its last use.
pub(crate) fn list(keys: &KeyMap) -> Vec<KeyRecord> {
    let records = keys.values().map(|key| key.record_with_last_use());
    let mut records: Vec<_> = records.collect();
    records.sort_by_key(|record| (record.created_at, record.id));
    records
}

/// Collects the keys whose uses a store records. Requests call it, so it must not wait.
pub(crate) trait UseSink: fmt::Debug + Send + Sync {
    /// Takes a key that was used for the first time since its uses were last taken. False if the sink is full.
    fn add(&self, key: &Arc<StoredKey>) -> bool;
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
    /// The uses since they were last taken.
    uses: AtomicU64,
    sink: Option<Arc<dyn UseSink>>,
    /// The digest under the current pepper, if the record has another.
    new_digest: OnceLock<Box<KeyDigest>>,
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
            uses: AtomicU64::new(0),
            sink: None,
            new_digest: OnceLock::new(),
        }
    }

    /// The record as stored. Its `last_used_at` does not include later uses.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// The digest under the current pepper, once a request has verified a key whose record has another one. A store that can
    /// replaces the record's digest by it, off the request path; other stores ignore it.
    #[must_use]
    pub fn new_digest(&self) -> Option<&KeyDigest> {
        self.new_digest.get().map(|digest| &**digest)
    }

    /// Notes the digest under the current pepper, once.
    pub(crate) fn note_rehash(&self, make: impl FnOnce() -> KeyDigest) {
        self.new_digest.get_or_init(|| Box::new(make()));
    }

    /// The record with the uses that this process saw.
    pub(crate) fn record_with_last_use(&self) -> KeyRecord {
        let uses = self.uses.load(Ordering::Relaxed);
        KeyRecord {
            last_used_at: self.last_used(),
            use_count: self.record.use_count.saturating_add(uses),
            ..self.record.clone()
        }
    }

    fn last_used(&self) -> Option<UnixTime> {
        let seconds = self.last_used.load(Ordering::Relaxed);
        (seconds > 0).then(|| UnixTime::from_secs(seconds))
    }

    /// Checks revocation and expiry, and notes the use. Called after the secret was verified: only the holder of the key may
    /// learn whether it is revoked or has expired.
    pub(crate) fn admit(
        self: &Arc<Self>,
        challenge: &Arc<Challenge>,
        now: UnixTime,
    ) -> Result<Principal, Failure> {
        self.require_active(now)?;
        self.count_use(now);
        Ok(self.principal(challenge))
    }

    fn count_use(self: &Arc<Self>, now: UnixTime) {
        if self.last_used.load(Ordering::Relaxed) != now.as_secs() {
            self.last_used.store(now.as_secs(), Ordering::Relaxed);
        }
        let is_first = self.uses.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first
            && let Some(sink) = &self.sink
            && !sink.add(self)
        {
            // The next use tries again.
            self.uses.store(0, Ordering::Relaxed);
        }
    }

    /// Checks revocation and expiry.
    pub(crate) fn require_active(&self, now: UnixTime) -> Result<(), Failure> {
        let end = match self.record.state(now) {
            KeyState::Active => return Ok(()),
            KeyState::Expired => "has expired",
            KeyState::Revoked => "has been revoked",
        };
        let for_log = format!("API key {} {end}", self.record.id);
        Err(Failure::invalid(format!("the API key {end}")).with_internal(for_log))
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

#[cfg(feature = "cached")]
impl StoredKey {
    /// A key whose uses go to `sink`.
    pub(crate) fn with_sink(record: KeyRecord, sink: Arc<dyn UseSink>) -> Self {
        Self {
            sink: Some(sink),
            ..Self::new(record)
        }
    }

    /// The uses since they were last taken, with the time of the last.
    pub(crate) fn take_uses(&self) -> Option<(u64, UnixTime)> {
        let uses = self.uses.swap(0, Ordering::Relaxed);
        Some((uses, self.last_used()?)).filter(|_| uses > 0)
    }

    /// The digest to replace, and its replacement.
    pub(crate) fn replaced_digest(&self) -> Option<(KeyDigest, KeyDigest)> {
        Some((self.record.digest, *self.new_digest()?))
    }
}
