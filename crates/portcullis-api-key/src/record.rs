use std::time::Duration;

use portcullis_core::{ScopeSet, clock::UnixTime};

use crate::{
    digest::KeyDigest,
    error::KeyError,
    format::{ApiKeyId, KeyPrefix},
};

/// The data that a store keeps of a key, without the key. Times have millisecond precision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The public id.
    pub id: ApiKeyId,
    /// The digest.
    pub digest: KeyDigest,
    /// The prefix, which a successor inherits.
    pub prefix: KeyPrefix,
    /// The owner, which is the principal's subject.
    pub owner: Box<str>,
    /// The granted scopes.
    pub scopes: ScopeSet,
    /// When the key was created.
    pub created_at: UnixTime,
    /// When the key expires, without leeway; `None` for never.
    pub expires_at: Option<UnixTime>,
    /// When the key was revoked. A key with a time here is rejected, also if the time is in the future.
    pub revoked_at: Option<UnixTime>,
    /// When the key was last used, if the store records the use.
    pub last_used_at: Option<UnixTime>,
    /// The key that replaces this one after a rotation.
    pub successor: Option<ApiKeyId>,
    /// 1 when the key is created, and one more for each revocation or rotation.
    pub revision: u64,
}

impl KeyRecord {
    /// A record with the default prefix and revision 1 that grants nothing and never expires. Set the other fields afterwards.
    ///
    /// # Errors
    ///
    /// [`KeyError::Owner`] when the owner is blank, has more than 128 characters, or has control characters.
    pub fn new(
        id: ApiKeyId,
        digest: KeyDigest,
        owner: impl Into<Box<str>>,
        created_at: UnixTime,
    ) -> Result<Self, KeyError> {
        let owner = owner.into();
        if owner.trim().is_empty()
            || owner.chars().count() > 128
            || owner.chars().any(char::is_control)
        {
            return Err(KeyError::Owner);
        }
        Ok(Self {
            id,
            digest,
            prefix: KeyPrefix::default(),
            owner,
            scopes: ScopeSet::default(),
            created_at: truncate_to_millis(created_at),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            successor: None,
            revision: 1,
        })
    }

    /// Whether the key has expired.
    #[must_use]
    pub fn is_expired(&self, now: UnixTime) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// "has been revoked" or "has expired"; `None` while the key can be used.
    pub(crate) fn end(&self, now: UnixTime) -> Option<&'static str> {
        match self.revoked_at {
            Some(_) => Some("has been revoked"),
            None => self.is_expired(now).then_some("has expired"),
        }
    }

    pub(crate) fn has_ended(&self, now: UnixTime) -> bool {
        self.end(now).is_some()
    }

    /// Revokes the key. A revoked record stays as it is.
    pub fn revoke(&mut self, now: UnixTime) {
        if self.revoked_at.is_none() {
            self.revoked_at = Some(truncate_to_millis(now));
            self.revision = self.revision.saturating_add(1);
        }
    }
}

/// Truncates to milliseconds, which every store can keep.
pub(crate) fn truncate_to_millis(time: UnixTime) -> UnixTime {
    let millis = Duration::from_millis(time.as_duration().subsec_millis().into());
    UnixTime::from_secs(time.as_secs()).saturating_add(millis)
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
        let mut record = record("a").expect("valid");
        record.expires_at = Some(at);
        assert!(!record.is_expired(at.saturating_sub(Duration::from_nanos(1))));
        assert!(record.is_expired(at));
    }

    #[test]
    fn second_revocation_changes_nothing() {
        let mut record = record("a").expect("valid");
        record.revoke(UnixTime::from_secs(30));
        assert_eq!(record.revision, 2);
        let mut again = record.clone();
        again.revoke(UnixTime::from_secs(40));
        assert_eq!(again, record);
    }
}
