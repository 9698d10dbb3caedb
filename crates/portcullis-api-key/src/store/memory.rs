use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use portcullis_core::{SharedClock, system_clock};

use super::{KeyStore, Lookup, index::KeyIndex};
use crate::{ApiKeyId, IssuedKey, KeyError, KeyRecord, NewKey, Peppers, StoredKey};

/// How many parts the keys fall into. A change copies one part, so that it stays cheap with a million keys.
const SHARDS: usize = 256;

/// Keys in memory, managed by the program that holds them; gone when it ends.
///
/// Clones share the keys. Requests read a published snapshot and never wait; changes are seen by the next request.
///
/// A revoked key stays as a tombstone: no late [`insert`](Self::insert) brings it back. An expired or revoked record
/// takes memory until [`remove_ended`](Self::remove_ended).
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    clock: SharedClock,
    peppers: Option<Peppers>,
}

struct Shared {
    shards: Box<[ArcSwap<KeyIndex>]>,
    /// Held by whoever changes keys; never by a request.
    writer: Mutex<()>,
}

impl MemoryStore {
    /// A store without keys.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
                writer: Mutex::new(()),
            }),
            clock: system_clock(),
            peppers: None,
        }
    }

    /// Sets what tells the time when keys are made or revoked; the system's clock by default.
    #[must_use]
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Digests the keys that this handle makes under the current pepper. Give [`ApiKeys`](crate::ApiKeys) the same.
    #[must_use]
    pub fn peppers(mut self, peppers: Peppers) -> Self {
        self.peppers = Some(peppers);
        self
    }

    /// Makes a key and keeps its record.
    ///
    /// # Errors
    ///
    /// When the key cannot be made: see [`NewKey::issue`].
    pub fn create(&self, new: NewKey) -> Result<IssuedKey, KeyError> {
        let issued = new.issue(self.clock.now(), self.peppers.as_ref())?;
        self.insert([issued.record().clone()])?;
        Ok(issued)
    }

    /// Keeps records that were made elsewhere. Many at once are cheaper than one after the other.
    ///
    /// # Errors
    ///
    /// [`KeyError::Duplicate`] when a key of that id is here already, or comes twice; then none is kept.
    pub fn insert(&self, records: impl IntoIterator<Item = KeyRecord>) -> Result<(), KeyError> {
        let writing = self.shared.write();
        let mut changed: Vec<Option<KeyIndex>> = vec![None; SHARDS];
        for record in records {
            let (id, shard) = (record.id(), shard(&record.id()));
            let keys = changed[shard].get_or_insert_with(|| writing.copy(shard));
            if keys.insert(id, Arc::new(StoredKey::new(record))).is_some() {
                return Err(KeyError::Duplicate(id));
            }
        }
        for (shard, keys) in changed.into_iter().enumerate() {
            if let Some(keys) = keys {
                writing.publish(shard, keys);
            }
        }
        Ok(())
    }

    /// Revokes a key. Doing so again changes nothing.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotFound`] when there is no such key.
    pub fn revoke(&self, id: &ApiKeyId) -> Result<KeyRecord, KeyError> {
        let writing = self.shared.write();
        let record = writing.find(id)?.revoked(self.clock.now());
        writing.replace(record.clone());
        Ok(record)
    }

    /// Makes a successor with the same owner and scopes. The old key goes on working for `grace`
    /// ([`DEFAULT_ROTATION_GRACE`](crate::DEFAULT_ROTATION_GRACE) is a good one), never past its own expiry.
    ///
    /// # Errors
    ///
    /// When there is no such key, or it has been revoked or replaced or has expired.
    pub fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, KeyError> {
        let writing = self.shared.write();
        let rotation = writing
            .find(id)?
            .rotate(self.clock.now(), grace, self.peppers.as_ref())?;
        // The successor first: there is no moment at which neither works.
        writing.replace(rotation.new.record().clone());
        writing.replace(rotation.old);
        Ok(rotation.new)
    }

    /// All records, the oldest first, with the last use that this process saw.
    #[must_use]
    pub fn list(&self) -> Vec<KeyRecord> {
        super::index::list(self.shared.shards.iter().map(ArcSwap::load_full))
    }

    /// Forgets keys that are revoked or have expired, and says how many. Their ids are free again: do this only when
    /// no late [`insert`](Self::insert) can bring them back.
    pub fn remove_ended(&self) -> usize {
        let now = self.clock.now();
        let writing = self.shared.write();
        let mut removed = 0;
        for shard in 0..SHARDS {
            let mut keys = writing.copy(shard);
            let before = keys.len();
            keys.retain(|_, key| {
                key.record().revoked_at().is_none() && !key.record().is_expired(now)
            });
            if keys.len() < before {
                removed += before - keys.len();
                writing.publish(shard, keys);
            }
        }
        removed
    }

    /// How many keys there are, ended ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared
            .shards
            .iter()
            .map(|keys| keys.load().len())
            .sum()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl KeyStore for MemoryStore {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        Lookup::Ready(Ok(self.shared.shards[shard(id)].load().get(id).cloned()))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn write(&self) -> Writing<'_> {
        Writing {
            shards: &self.shards,
            // Nothing is left half done by a panic: each publication is one swap.
            _lock: self.writer.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// The right to change keys.
struct Writing<'s> {
    shards: &'s [ArcSwap<KeyIndex>],
    _lock: MutexGuard<'s, ()>,
}

impl Writing<'_> {
    fn find(&self, id: &ApiKeyId) -> Result<KeyRecord, KeyError> {
        let keys = self.shards[shard(id)].load();
        let key = keys.get(id).ok_or(KeyError::NotFound(*id))?;
        Ok(key.record().clone().with_last_used_at(key.last_used_at()))
    }

    fn replace(&self, record: KeyRecord) {
        let shard = shard(&record.id());
        let mut keys = self.copy(shard);
        keys.insert(record.id(), Arc::new(StoredKey::new(record)));
        self.publish(shard, keys);
    }

    fn copy(&self, shard: usize) -> KeyIndex {
        KeyIndex::clone(&self.shards[shard].load())
    }

    fn publish(&self, shard: usize, keys: KeyIndex) {
        self.shards[shard].store(Arc::new(keys));
    }
}

/// Ids are random, so a cheap mix of their first digits spreads them.
fn shard(id: &ApiKeyId) -> usize {
    let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    let digits = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
    (digits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(store: &MemoryStore, id: &ApiKeyId) -> Option<KeyRecord> {
        match store.lookup(id) {
            Lookup::Ready(Ok(found)) => found.map(|key| key.record().clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_are_found_by_id_and_clones_share_them() {
        let store = MemoryStore::new();
        let ids: Vec<_> = (0..1_000)
            .map(|_| {
                store
                    .clone()
                    .create(NewKey::new("a"))
                    .expect("made")
                    .record()
                    .id()
            })
            .collect();
        assert_eq!(store.len(), 1_000);
        for id in ids {
            assert_eq!(found(&store, &id).expect("there").id(), id);
        }
        assert_eq!(found(&store, &"000000000000".parse().expect("an id")), None);
        let listed = store.list();
        assert_eq!(listed.len(), 1_000);
        assert!(listed.is_sorted_by_key(KeyRecord::created_at));
    }

    #[test]
    fn shards_fill_evenly() {
        let mut sizes = [0; SHARDS];
        for _ in 0..SHARDS * 100 {
            sizes[shard(&ApiKeyId::random().expect("random bytes"))] += 1;
        }
        assert!(
            sizes.iter().all(|size| (40..180).contains(size)),
            "{sizes:?}"
        );
    }

    #[test]
    fn a_revoked_key_does_not_come_back() {
        let store = MemoryStore::new();
        let issued = store.create(NewKey::new("a")).expect("made");
        let id = issued.record().id();
        let revoked = store.revoke(&id).expect("revoked");
        assert!(revoked.revoked_at().is_some());
        assert_eq!(store.revoke(&id), Ok(revoked.clone()));
        assert_eq!(
            store.insert([issued.record().clone()]),
            Err(KeyError::Duplicate(id))
        );
        assert_eq!(found(&store, &id), Some(revoked));
        assert_eq!(store.remove_ended(), 1);
        assert_eq!(store.revoke(&id), Err(KeyError::NotFound(id)));
    }

    #[test]
    fn an_insert_is_all_or_nothing() {
        let store = MemoryStore::new();
        let record = |owner: &str| {
            let issued = NewKey::new(owner).issue(system_clock().now(), None);
            issued.expect("made").record().clone()
        };
        let (one, two) = (record("one"), record("two"));
        assert!(store.insert([one.clone(), two, one]).is_err());
        assert!(store.is_empty());
    }

    #[test]
    fn a_rotated_key_knows_its_successor() {
        let store = MemoryStore::new();
        let id = store.create(NewKey::new("a")).expect("made").record().id();
        let new = store.rotate(&id, Duration::from_secs(60)).expect("rotated");
        let successor = new.record().id();
        assert_eq!(
            found(&store, &id).and_then(|old| old.successor()),
            Some(successor)
        );
        assert!(found(&store, &successor).is_some());
        let again = store.rotate(&id, Duration::from_secs(60));
        assert_eq!(again.expect_err("twice"), KeyError::AlreadyRotated(id));
    }
}
