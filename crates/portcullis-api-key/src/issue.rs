//! Creating and rotating keys, for every store.

use std::{collections::BTreeSet, time::Duration};

use portcullis_core::{
    ScopeSet,
    clock::{SharedClock, UnixTime, system_clock},
};

use crate::{
    digest::KeyDigest,
    error::KeyError,
    format::{ApiKey, KeyPrefix},
    limit::Limit,
    networks::Networks,
    pepper::Peppers,
    record::{Idempotency, KeyRecord, truncate_to_millis},
};

/// The usual time for which a rotated key still works, and the default of `portcullis keys rotate`: 72 hours.
pub const DEFAULT_ROTATION_GRACE: Duration = Duration::from_secs(72 * 60 * 60);

/// 9999-12-30T22:00:00Z, the last time with a four-digit year in every time zone.
const END_OF_TIME: UnixTime = UnixTime::from_secs(253_402_207_200);

/// The settings of a key to create.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewKey {
    owner: Box<str>,
    name: Box<str>,
    tags: BTreeSet<Box<str>>,
    scopes: ScopeSet,
    networks: Networks,
    limit: Option<Limit>,
    prefix: KeyPrefix,
    lifetime: Option<Duration>,
    idempotency: Option<Idempotency>,
}

impl NewKey {
    /// A key for `owner` with the default prefix, which grants no scopes and lives for 365 days.
    pub fn new(owner: impl Into<Box<str>>) -> Self {
        Self {
            owner: owner.into(),
            name: "".into(),
            tags: BTreeSet::new(),
            scopes: ScopeSet::default(),
            networks: Networks::default(),
            limit: None,
            prefix: KeyPrefix::default(),
            lifetime: Some(Duration::from_secs(365 * 24 * 60 * 60)),
            idempotency: None,
        }
    }

    /// Sets a name for people; none by default.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets tags for people and scripts; none by default.
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the networks that the key may be used from; all by default.
    pub fn networks(mut self, networks: Networks) -> Self {
        self.networks = networks;
        self
    }

    /// Limits the use of the key. Without it, the default of the scheme applies.
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets what a repeated request is recognised by, so that it creates no second key.
    pub fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = Some(idempotency);
        self
    }

    /// Sets the granted scopes.
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// Sets the prefix.
    pub fn prefix(mut self, prefix: KeyPrefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// Sets the lifetime; 365 days by default. It is cut to whole milliseconds. The key expires without leeway.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Creates a key that never expires and must be revoked.
    pub fn never_expires(mut self) -> Self {
        self.lifetime = None;
        self
    }

    /// Creates the key and its record. For authors of stores.
    ///
    /// # Errors
    ///
    /// When the owner, the name, a tag or the lifetime is invalid, or the operating system returns no random bytes.
    pub fn issue(self, now: UnixTime, peppers: Option<&Peppers>) -> Result<IssuedKey, KeyError> {
        let now = truncate_to_millis(now);
        let expires_at =
            (self.lifetime).map(|lifetime| truncate_to_millis(now.saturating_add(lifetime)));
        if expires_at.is_some_and(|at| at <= now || at > END_OF_TIME) {
            return Err(KeyError::Lifetime);
        }
        let key = ApiKey::generate(&self.prefix)?;
        let digest = KeyDigest::of(&key, peppers);
        let record = KeyRecord {
            prefix: self.prefix,
            name: self.name,
            tags: self.tags,
            scopes: self.scopes,
            networks: self.networks,
            limit: self.limit,
            expires_at,
            idempotency: self.idempotency,
            ..KeyRecord::new(key.id(), digest, self.owner, now)?
        };
        record.check_texts()?;
        Ok(IssuedKey { key, record })
    }
}

/// A new key. The key itself is available only here.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    key: ApiKey,
    record: KeyRecord,
}

impl IssuedKey {
    /// The key, to be handed to its holder and not stored.
    #[must_use]
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// The record for the store.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// Sets the revision under which the record was stored. For authors of stores that number their changes.
    #[must_use]
    pub fn at_revision(mut self, revision: u64) -> Self {
        self.record.revision = revision;
        self
    }
}

/// Issues the keys of a store, with its clock and its peppers. For authors of stores.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a clock and peppers are all that issuing needs"
)]
pub struct KeyMaker {
    /// The clock.
    pub clock: SharedClock,
    /// The peppers; the current one is mixed into the digests of new keys.
    pub peppers: Option<Peppers>,
}

/// The setters of a store with a field `key_maker`.
macro_rules! key_maker_setters {
    () => {
        /// Sets the clock for creating, revoking and rotating keys; the system's by default.
        #[must_use]
        pub fn clock(mut self, clock: portcullis_core::clock::SharedClock) -> Self {
            self.key_maker.clock = clock;
            self
        }

        /// Digests new keys under the current pepper. Give [`ApiKeys`](crate::ApiKeys) the same peppers.
        #[must_use]
        pub fn peppers(mut self, peppers: crate::pepper::Peppers) -> Self {
            self.key_maker.peppers = Some(peppers);
            self
        }
    };
}
pub(crate) use key_maker_setters;

impl Default for KeyMaker {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            peppers: None,
        }
    }
}

impl KeyMaker {
    /// Issues a key.
    ///
    /// # Errors
    ///
    /// As [`NewKey::issue`].
    pub fn issue(&self, new: NewKey) -> Result<IssuedKey, KeyError> {
        new.issue(self.clock.now(), self.peppers.as_ref())
    }

    /// Creates the successor of `old`, and lets `old` expire after `grace` or earlier.
    ///
    /// # Errors
    ///
    /// When the key was rotated or has ended, or has a pepper and the store has none. As [`NewKey::issue`].
    pub fn rotate(&self, old: &mut KeyRecord, grace: Duration) -> Result<IssuedKey, KeyError> {
        let now = self.clock.now();
        if let Some(successor) = old.successor {
            return Err(KeyError::AlreadyRotated {
                id: old.id,
                successor,
            });
        }
        if old.has_ended(now) {
            return Err(KeyError::Ended(old.id));
        }
        if old.digest.pepper_version().is_some() && self.peppers.is_none() {
            return Err(KeyError::NoPeppers(old.id));
        }
        let new = NewKey {
            owner: old.owner.clone(),
            name: old.name.clone(),
            tags: old.tags.clone(),
            scopes: old.scopes.clone(),
            networks: old.networks.clone(),
            limit: old.limit,
            prefix: old.prefix.clone(),
            lifetime: old.expires_at.map(|at| at.duration_since(old.created_at)),
            idempotency: None,
        };
        let new = new.issue(now, self.peppers.as_ref())?;
        let deadline = truncate_to_millis(now.saturating_add(grace)).min(END_OF_TIME);
        old.successor = Some(new.key.id());
        old.expires_at = Some(old.expires_at.map_or(deadline, |at| at.min(deadline)));
        old.revision = old.revision.saturating_add(1);
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn issue(new: NewKey) -> KeyRecord {
        new.issue(NOW, None).expect("issued").record().clone()
    }

    #[derive(Debug)]
    struct At(UnixTime);

    impl portcullis_core::clock::Clock for At {
        fn now(&self) -> UnixTime {
            self.0
        }
    }

    fn rotate(
        record: &KeyRecord,
        now: UnixTime,
        grace: Duration,
    ) -> Result<(KeyRecord, IssuedKey), KeyError> {
        let key_maker = KeyMaker {
            clock: std::sync::Arc::new(At(now)),
            peppers: None,
        };
        let mut old = record.clone();
        let new = key_maker.rotate(&mut old, grace)?;
        Ok((old, new))
    }

    #[test]
    fn default_lifetime_is_a_year() {
        let record = issue(NewKey::new("a"));
        assert_eq!(record.expires_at, Some(NOW.saturating_add(365 * DAY)));
        assert_eq!(issue(NewKey::new("a").never_expires()).expires_at, None);
    }

    #[test]
    fn lifetime_out_of_range_is_rejected() {
        for lifetime in [Duration::ZERO, Duration::from_nanos(999_999), Duration::MAX] {
            let issued = NewKey::new("a").expires_in(lifetime).issue(NOW, None);
            assert_eq!(issued.expect_err("a bad lifetime"), KeyError::Lifetime);
        }
    }

    #[test]
    fn successor_inherits_and_the_old_key_expires() {
        let record = issue(
            NewKey::new("a")
                .scopes(ScopeSet::parse("r w"))
                .expires_in(90 * DAY),
        );
        let later = NOW.saturating_add(10 * DAY);
        let (old, new) = rotate(&record, later, 3 * DAY).expect("rotated");
        assert_eq!(old.successor, Some(new.key().id()));
        assert_eq!(old.expires_at, Some(later.saturating_add(3 * DAY)));
        assert_eq!(old.revision, 2);
        assert_eq!(&*new.record().owner, "a");
        assert_eq!(new.record().scopes, record.scopes);
        assert_eq!(
            new.record().expires_at,
            Some(later.saturating_add(90 * DAY))
        );
        assert_ne!(new.record().digest, record.digest);
    }

    #[test]
    fn rotation_does_not_extend_the_old_key() {
        let record = issue(NewKey::new("a").expires_in(DAY));
        let (old, _) = rotate(&record, NOW, 3 * DAY).expect("rotated");
        assert_eq!(old.expires_at, record.expires_at);
        let forever = issue(NewKey::new("a").never_expires());
        let (old, new) = rotate(&forever, NOW, Duration::MAX).expect("rotated");
        assert_eq!(old.expires_at, Some(END_OF_TIME));
        assert_eq!(new.record().expires_at, None);
    }

    #[test]
    fn key_with_a_pepper_is_not_rotated_without_one() {
        let peppers =
            Peppers::new(1, &portcullis_core::Secret::new(vec![1; 32])).expect("long enough");
        let issued = NewKey::new("a").issue(NOW, Some(&peppers)).expect("issued");
        let error = rotate(issued.record(), NOW, DAY).expect_err("no pepper");
        assert_eq!(error, KeyError::NoPeppers(issued.record().id));
    }

    #[test]
    fn ended_or_rotated_key_is_not_rotated() {
        let record = issue(NewKey::new("a").expires_in(DAY));
        let ended = |record: &KeyRecord, now| rotate(record, now, DAY).expect_err("ended");
        let mut revoked = record.clone();
        revoked.revoke(NOW, None).expect("no reason");
        assert_eq!(
            ended(&record, NOW.saturating_add(DAY)),
            KeyError::Ended(record.id)
        );
        assert_eq!(ended(&revoked, NOW), KeyError::Ended(record.id));
        let mut rotated = record.clone();
        rotated.successor = Some("000000000000".parse().expect("an id"));
        let error = ended(&rotated, NOW);
        assert!(matches!(error, KeyError::AlreadyRotated { .. }), "{error}");
    }
}
