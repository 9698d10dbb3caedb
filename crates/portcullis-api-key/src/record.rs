use std::{collections::BTreeSet, time::Duration};

use portcullis_core::{ScopeSet, clock::UnixTime};

use crate::{
    digest::KeyDigest,
    error::KeyError,
    format::{ApiKeyId, KeyPrefix},
    limit::Limit,
    networks::Networks,
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
    /// A name for people, such as the service that uses the key; may be empty.
    pub name: Box<str>,
    /// Tags for people and scripts.
    pub tags: BTreeSet<Box<str>>,
    /// The granted scopes.
    pub scopes: ScopeSet,
    /// The networks that the key may be used from; all by default.
    pub networks: Networks,
    /// The limit of the key's use; without one, the default of the scheme applies.
    pub limit: Option<Limit>,
    /// When the key was created.
    pub created_at: UnixTime,
    /// When the key expires, without leeway; `None` for never.
    pub expires_at: Option<UnixTime>,
    /// When the key was revoked. A key with a time here is rejected, also if the time is in the future.
    pub revoked_at: Option<UnixTime>,
    /// Why the key was revoked, if a reason was given.
    pub revoke_reason: Option<Box<str>>,
    /// When the key was last used, if the store records the use.
    pub last_used_at: Option<UnixTime>,
    /// How often the key was used, if the store records the use.
    pub use_count: u64,
    /// The key that replaces this one after a rotation.
    pub successor: Option<ApiKeyId>,
    /// Whether the key has another format than [`ApiKey`](crate::ApiKey): its digest is of the whole key.
    pub is_foreign: bool,
    /// What a repeated request to create the key is recognised by.
    pub idempotency: Option<Idempotency>,
    /// Grows with each change of the record. Of two versions of a record, the one with the higher revision is newer.
    pub revision: u64,
}

/// Recognises a repeated request to create a key, so that it creates no second key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "two digests and nothing else")]
pub struct Idempotency {
    /// SHA-256 of who sent the request and of its idempotency key.
    pub key: [u8; 32],
    /// SHA-256 of what the request asked for.
    pub request: [u8; 32],
}

/// The most characters of an owner or a name.
const MAX_NAME: usize = 128;
/// The most tags of a key.
const MAX_TAGS: usize = 32;
/// The most characters of a tag.
const MAX_TAG: usize = 64;
/// The most characters of the reason for a revocation.
const MAX_REASON: usize = 256;

/// Whether the text has at most `most` characters, none of them a control character.
fn is_line(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(char::is_control)
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
        check_owner(&owner)?;
        Ok(Self {
            id,
            digest,
            prefix: KeyPrefix::default(),
            owner,
            name: "".into(),
            tags: BTreeSet::new(),
            scopes: ScopeSet::default(),
            networks: Networks::default(),
            limit: None,
            created_at: truncate_to_millis(created_at),
            expires_at: None,
            revoked_at: None,
            revoke_reason: None,
            last_used_at: None,
            use_count: 0,
            successor: None,
            is_foreign: false,
            idempotency: None,
            revision: 1,
        })
    }

    /// Checks the texts that people give: the owner, the name, the tags and the reason for a revocation.
    ///
    /// # Errors
    ///
    /// [`KeyError::Owner`], [`KeyError::Name`], [`KeyError::Tags`] or [`KeyError::Reason`].
    pub fn check_texts(&self) -> Result<(), KeyError> {
        check_owner(&self.owner)?;
        let is_tag = |tag: &str| !tag.trim().is_empty() && is_line(tag, MAX_TAG);
        if !is_line(&self.name, MAX_NAME) {
            return Err(KeyError::Name);
        }
        if self.tags.len() > MAX_TAGS || !self.tags.iter().all(|tag| is_tag(tag)) {
            return Err(KeyError::Tags);
        }
        check_reason(self.revoke_reason.as_deref())
    }

    /// Whether the key has expired.
    #[must_use]
    pub fn is_expired(&self, now: UnixTime) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    pub(crate) fn has_ended(&self, now: UnixTime) -> bool {
        self.state(now) != KeyState::Active
    }

    /// Whether the key is active, expired or revoked.
    #[must_use]
    pub fn state(&self, now: UnixTime) -> KeyState {
        match self.revoked_at {
            Some(_) => KeyState::Revoked,
            None if self.is_expired(now) => KeyState::Expired,
            None => KeyState::Active,
        }
    }

    /// Whether the key was revoked or expired before `time`. For authors of stores.
    #[must_use]
    pub fn ended_before(&self, time: UnixTime) -> bool {
        let ends = [self.revoked_at, self.expires_at];
        ends.into_iter().flatten().any(|end| end < time)
    }

    /// Revokes the key. A revoked record stays as it is.
    ///
    /// # Errors
    ///
    /// [`KeyError::Reason`] when the reason has more than 256 characters, or control characters.
    pub fn revoke(&mut self, now: UnixTime, reason: Option<&str>) -> Result<(), KeyError> {
        check_reason(reason)?;
        if self.revoked_at.is_none() {
            self.revoked_at = Some(truncate_to_millis(now));
            self.revoke_reason = reason.map(Into::into);
            self.revision = self.revision.saturating_add(1);
        }
        Ok(())
    }
}

fn check_owner(owner: &str) -> Result<(), KeyError> {
    match !owner.trim().is_empty() && is_line(owner, MAX_NAME) {
        true => Ok(()),
        false => Err(KeyError::Owner),
    }
}

fn check_reason(reason: Option<&str>) -> Result<(), KeyError> {
    match reason.is_none_or(|reason| is_line(reason, MAX_REASON)) {
        true => Ok(()),
        false => Err(KeyError::Reason),
    }
}

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a key is in one of these states")]
pub enum KeyState {
    /// It can be used.
    Active,
    /// It has expired and was not revoked.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyState {
    /// `active`, `expired` or `revoked`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
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
    fn texts_out_of_range_are_rejected() {
        type Change = fn(&mut KeyRecord);
        let long = |length| Some("ü".repeat(length).into_boxed_str());
        let good = {
            let mut record = record("a").expect("valid");
            record.name = long(128).unwrap_or_default();
            record.tags = (0..31).map(|tag| tag.to_string().into()).collect();
            record.tags.extend(long(64));
            record.revoke_reason = long(256);
            record
        };
        assert_eq!(good.check_texts(), Ok(()));
        let changes: [(Change, KeyError); 10] = [
            (|it| it.owner = " ".into(), KeyError::Owner),
            (|it| it.owner = "a\u{7f}".into(), KeyError::Owner),
            (|it| it.name = "a".repeat(129).into(), KeyError::Name),
            (|it| it.name = "a\nb".into(), KeyError::Name),
            (|it| it.tags.extend(["more".into()]), KeyError::Tags),
            (|it| it.tags = ["".into()].into(), KeyError::Tags),
            (|it| it.tags = ["a\tb".into()].into(), KeyError::Tags),
            (
                |it| it.tags = ["a".repeat(65).into()].into(),
                KeyError::Tags,
            ),
            (
                |it| it.revoke_reason = Some("a".repeat(257).into()),
                KeyError::Reason,
            ),
            (|it| it.revoke_reason = Some("a\0".into()), KeyError::Reason),
        ];
        for (change, error) in changes {
            let mut bad = good.clone();
            change(&mut bad);
            assert_eq!(bad.check_texts(), Err(error));
        }
    }

    #[test]
    fn key_ends_at_the_earlier_of_expiry_and_revocation() {
        let at = UnixTime::from_secs;
        let mut record = record("a").expect("valid");
        assert!(!record.ended_before(at(u64::MAX)));
        record.expires_at = Some(at(50));
        assert!(!record.ended_before(at(50)) && record.ended_before(at(51)));
        assert_eq!(record.state(at(49)), KeyState::Active);
        assert_eq!(record.state(at(50)), KeyState::Expired);
        record.revoke(at(30), None).expect("no reason");
        assert!(!record.ended_before(at(30)) && record.ended_before(at(31)));
        assert_eq!(record.state(at(50)), KeyState::Revoked);
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
        let revoke =
            |record: &mut KeyRecord, at, reason| record.revoke(UnixTime::from_secs(at), reason);
        assert_eq!(revoke(&mut record, 30, Some("a\nb")), Err(KeyError::Reason));
        assert_eq!(revoke(&mut record, 30, Some("leaked")), Ok(()));
        assert_eq!(record.revision, 2);
        let mut again = record.clone();
        assert_eq!(revoke(&mut again, 40, None), Ok(()));
        assert_eq!(again, record);
    }
}
