use std::time::Duration;

use portcullis_core::{ScopeSet, UnixTime};

use crate::{
    digest::KeyDigest,
    error::KeyError,
    format::{ApiKeyId, KeyPrefix},
};

/// The data that a store keeps of a key, without the key.
///
/// Times have millisecond precision. Stores build records with [`new`](Self::new) and the `with_` methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    id: ApiKeyId,
    digest: KeyDigest,
    prefix: KeyPrefix,
    owner: Box<str>,
    scopes: ScopeSet,
    created_at: UnixTime,
    expires_at: Option<UnixTime>,
    revoked_at: Option<UnixTime>,
    last_used_at: Option<UnixTime>,
    successor: Option<ApiKeyId>,
    revision: u64,
}

impl KeyRecord {
    /// The longest owner, in characters.
    pub const MAX_OWNER_CHARS: usize = 128;

    /// A record that grants nothing, never expires, and has revision 1.
    ///
    /// # Errors
    ///
    /// [`KeyError::Owner`] when the owner is empty, longer than [`MAX_OWNER_CHARS`](Self::MAX_OWNER_CHARS), or has control
    /// characters.
    pub fn new(
        id: ApiKeyId,
        digest: KeyDigest,
        owner: impl Into<Box<str>>,
        created_at: UnixTime,
    ) -> Result<Self, KeyError> {
        let owner = owner.into();
        if !Self::is_owner(&owner) {
            return Err(KeyError::Owner);
        }
        Ok(Self {
            id,
            digest,
            prefix: KeyPrefix::default(),
            owner,
            scopes: ScopeSet::default(),
            created_at: to_millis(created_at),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            successor: None,
            revision: 1,
        })
    }

    pub(crate) fn is_owner(owner: &str) -> bool {
        !owner.trim().is_empty()
            && owner.chars().count() <= Self::MAX_OWNER_CHARS
            && !owner.chars().any(char::is_control)
    }

    /// Sets the prefix, which a successor inherits.
    #[must_use]
    pub fn with_prefix(mut self, prefix: KeyPrefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// Sets the granted scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// Sets when the key expires; `None` for never.
    #[must_use]
    pub fn with_expires_at(mut self, at: Option<UnixTime>) -> Self {
        self.expires_at = at.map(to_millis);
        self
    }

    /// Sets when the key was revoked.
    #[must_use]
    pub fn with_revoked_at(mut self, at: Option<UnixTime>) -> Self {
        self.revoked_at = at.map(to_millis);
        self
    }

    /// Sets when the key was last used.
    #[must_use]
    pub fn with_last_used_at(mut self, at: Option<UnixTime>) -> Self {
        self.last_used_at = at.map(to_millis);
        self
    }

    /// Sets the key that replaces this one.
    #[must_use]
    pub fn with_successor(mut self, successor: Option<ApiKeyId>) -> Self {
        self.successor = successor;
        self
    }

    /// Sets the revision, which grows with every change.
    #[must_use]
    pub fn with_revision(mut self, revision: u64) -> Self {
        self.revision = revision;
        self
    }

    /// The public id.
    #[must_use]
    pub fn id(&self) -> ApiKeyId {
        self.id
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> &KeyDigest {
        &self.digest
    }

    /// The prefix.
    #[must_use]
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// The owner, which is the principal's subject.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The granted scopes.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// When the key was created.
    #[must_use]
    pub fn created_at(&self) -> UnixTime {
        self.created_at
    }

    /// When the key expires, without leeway; `None` for never.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// When the key was revoked. A revoked key is rejected whatever the time; its record is a tombstone.
    #[must_use]
    pub fn revoked_at(&self) -> Option<UnixTime> {
        self.revoked_at
    }

    /// When the key was last used, if the store records it.
    #[must_use]
    pub fn last_used_at(&self) -> Option<UnixTime> {
        self.last_used_at
    }

    /// The key that replaces this one after a rotation.
    #[must_use]
    pub fn successor(&self) -> Option<ApiKeyId> {
        self.successor
    }

    /// The number of times the record was written, from 1.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the key has expired.
    #[must_use]
    pub fn is_expired(&self, now: UnixTime) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// The same record, revoked. A revoked record stays as it is.
    #[must_use]
    pub fn revoked(mut self, now: UnixTime) -> Self {
        if self.revoked_at.is_none() {
            self.revoked_at = Some(to_millis(now));
            self.revision = self.revision.saturating_add(1);
        }
        self
    }
}

/// Truncates to milliseconds, so that a time stays the same in any store.
pub(crate) fn to_millis(time: UnixTime) -> UnixTime {
    let duration = time.as_duration();
    UnixTime::from_duration(Duration::new(
        duration.as_secs(),
        duration.subsec_millis() * 1_000_000,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::ApiKey;

    fn record(owner: &str) -> Result<KeyRecord, KeyError> {
        let key = ApiKey::generate(&KeyPrefix::default())?;
        KeyRecord::new(
            key.id(),
            KeyDigest::of(&key, None),
            owner,
            UnixTime::from_secs(10),
        )
    }

    #[test]
    fn owner_is_one_printable_line() {
        assert!(record("Team Zürich / billing").is_ok());
        assert!(record(&"ü".repeat(128)).is_ok());
        for bad in ["", " ", "a\nb", "a\0", "\u{1b}[31m", &"a".repeat(129)] {
            assert_eq!(record(bad), Err(KeyError::Owner), "{bad:?}");
        }
    }

    #[test]
    fn key_expires_without_leeway() {
        let at = UnixTime::from_secs(20);
        let record = record("a").expect("valid").with_expires_at(Some(at));
        assert!(!record.is_expired(at.saturating_sub(Duration::from_nanos(1))));
        assert!(record.is_expired(at));
    }

    #[test]
    fn second_revocation_changes_nothing() {
        let record = record("a").expect("valid").revoked(UnixTime::from_secs(30));
        assert_eq!(record.revision(), 2);
        let again = record.clone().revoked(UnixTime::from_secs(40));
        assert_eq!(again, record);
    }
}
