use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use portcullis_core::clock::UnixTime;

use super::key_store::{KeyStore, Lookup};
use crate::{
    error::KeyError,
    format::ApiKeyId,
    issue::{IssuedKey, KeyMaker, NewKey, key_maker_setters},
    manage::{Created, Imported, KeyManager, KeyPage, KeyQuery, ManageError},
    record::KeyRecord,
    stored::{self, KeyMap, StoredKey},
};

/// Keys in memory, managed by the program; they are lost when it ends.
///
/// Clones share the keys. A change copies all keys, and the next request sees it. A revoked key stays as a tombstone until
/// [`remove_ended`](Self::remove_ended), so that a later [`insert`](Self::insert) cannot bring it back.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    key_maker: KeyMaker,
}

#[derive(Default)]
struct Shared {
    keys: ArcSwap<KeyMap>,
    /// Locked by changes, which then wait for each other. Requests do not lock it.
    writer: Mutex<()>,
}

impl MemoryStore {
    /// A store without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    key_maker_setters!();

    /// Creates a key and stores its record.
    ///
    /// # Errors
    ///
    /// As [`NewKey::issue`], and [`KeyError::Duplicate`] when the random id of the new key is in the store already.
    pub fn create(&self, new: NewKey) -> Result<IssuedKey, KeyError> {
        let issued = self.key_maker.issue(new)?;
        self.insert([issued.record().clone()])?;
        Ok(issued)
    }

    /// Stores records that were created elsewhere. Each call copies all keys, so insert many at once.
    ///
    /// # Errors
    ///
    /// [`KeyError::Duplicate`] when an id is in the store already or occurs twice. Then nothing is stored.
    pub fn insert(&self, records: impl IntoIterator<Item = KeyRecord>) -> Result<(), KeyError> {
        self.change(|keys| {
            let mut records = records.into_iter();
            records.try_for_each(|record| insert_new(keys, record))
        })
    }

    /// Revokes a key. Revoking it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotFound`] when the store has no such key.
    pub fn revoke(&self, id: &ApiKeyId) -> Result<KeyRecord, KeyError> {
        self.revoke_because(id, None)
    }

    /// As [`revoke`](Self::revoke), with a reason.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke), and [`KeyError::Reason`].
    pub fn revoke_because(
        &self,
        id: &ApiKeyId,
        reason: Option<&str>,
    ) -> Result<KeyRecord, KeyError> {
        self.change(|keys| {
            let mut record = find(keys, id)?;
            record.revoke(self.key_maker.clock.now(), reason)?;
            replace(keys, record.clone());
            Ok(record)
        })
    }

    /// Creates a successor with the same prefix, owner and scopes. The old key expires after `grace`
    /// ([`DEFAULT_ROTATION_GRACE`](crate::DEFAULT_ROTATION_GRACE) is a good value) if it does not expire earlier.
    ///
    /// # Errors
    ///
    /// When the store has no such key, or the key was revoked or rotated or has expired. Also as [`create`](Self::create).
    pub fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, KeyError> {
        self.change(|keys| {
            let mut old = find(keys, id)?;
            let new = self.key_maker.rotate(&mut old, grace)?;
            replace(keys, old);
            insert_new(keys, new.record().clone())?;
            Ok(new)
        })
    }

    /// All records, the oldest first, with the last use seen by this process.
    #[must_use]
    pub fn list(&self) -> Vec<KeyRecord> {
        stored::list(&self.shared.keys.load())
    }

    /// Removes keys that are revoked or have expired, and returns their number. [`insert`](Self::insert) accepts their ids again.
    pub fn remove_ended(&self) -> usize {
        let now = self.key_maker.clock.now();
        let removed = self.change(|keys| {
            let before = keys.len();
            keys.retain(|_, key| !key.record().has_ended(now));
            Ok(before - keys.len())
        });
        removed.unwrap_or_default()
    }

    /// Changes a copy of the keys, and publishes the copy if `change` succeeds.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut KeyMap) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let writer = self.shared.writer.lock();
        let _guard = writer.unwrap_or_else(PoisonError::into_inner);
        let mut keys = KeyMap::clone(&self.shared.keys.load());
        let outcome = change(&mut keys)?;
        self.shared.keys.store(Arc::new(keys));
        Ok(outcome)
    }
}

fn find(keys: &KeyMap, id: &ApiKeyId) -> Result<KeyRecord, KeyError> {
    let key = keys.get(id).ok_or(KeyError::NotFound(*id))?;
    Ok(key.record_with_last_use())
}

fn insert_new(keys: &mut KeyMap, record: KeyRecord) -> Result<(), KeyError> {
    let id = record.id;
    match keys.insert(id, Arc::new(StoredKey::new(record))) {
        None => Ok(()),
        Some(_) => Err(KeyError::Duplicate(id)),
    }
}

fn replace(keys: &mut KeyMap, record: KeyRecord) {
    keys.insert(record.id, Arc::new(StoredKey::new(record)));
}

#[async_trait]
impl KeyManager for MemoryStore {
    async fn create(&self, new: NewKey) -> Result<Created, ManageError> {
        let issued = self.key_maker.issue(new)?;
        let mut before = None;
        self.change(|keys| {
            before = find_repeated(keys, issued.record());
            match before {
                Some(_) => Ok(()),
                None => insert_new(keys, issued.record().clone()),
            }
        })?;
        Created::decide(issued, before)
    }

    async fn import(&self, records: Vec<KeyRecord>) -> Result<Imported, ManageError> {
        let imported = self.change(|keys| {
            let mut imported = Imported::default();
            let mut seen = HashSet::new();
            for record in records {
                record.check_texts()?;
                let is_same = match keys.get(&record.id) {
                    Some(stored) => stored.record().digest == record.digest,
                    None => false,
                };
                match (seen.insert(record.id), is_same) {
                    (false, _) => return Err(KeyError::Duplicate(record.id)),
                    (true, true) => imported.skipped += 1,
                    (true, false) => {
                        insert_new(keys, record)?;
                        imported.stored += 1;
                    }
                }
            }
            Ok(imported)
        });
        Ok(imported?)
    }

    async fn get(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, ManageError> {
        let found = self.shared.keys.load().get(id).cloned();
        Ok(found.map(|key| key.record_with_last_use()))
    }

    async fn page(&self, query: &KeyQuery) -> Result<KeyPage, ManageError> {
        Ok(query.select(&self.list()))
    }

    async fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, ManageError> {
        Ok(Self::rotate(self, id, grace)?)
    }

    async fn revoke(&self, id: &ApiKeyId, reason: Option<&str>) -> Result<KeyRecord, ManageError> {
        Ok(self.revoke_because(id, reason)?)
    }

    async fn purge(&self, ended_before: UnixTime) -> Result<u64, ManageError> {
        let removed = self.change(|keys| {
            let before = keys.len();
            keys.retain(|_, key| !key.record().ended_before(ended_before));
            Ok(before - keys.len())
        });
        Ok(removed? as u64)
    }
}

/// The record that an earlier request with the same idempotency key created.
fn find_repeated(keys: &KeyMap, new: &KeyRecord) -> Option<KeyRecord> {
    let key = new.idempotency?.key;
    let is_same = |stored: &&Arc<StoredKey>| {
        (stored.record().idempotency).is_some_and(|idempotency| idempotency.key == key)
    };
    let found = keys.values().find(is_same)?;
    Some(found.record_with_last_use())
}

impl KeyStore for MemoryStore {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        Lookup::Ready(Ok(self.shared.keys.load().get(id).cloned()))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("keys", &self.shared.keys.load().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::clock::system_clock;

    use super::*;

    fn found(store: &MemoryStore, id: &ApiKeyId) -> Option<KeyRecord> {
        match store.lookup(id) {
            Lookup::Ready(Ok(found)) => found.map(|key| key.record().clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn clones_share_the_keys() {
        let store = MemoryStore::new();
        let ids: Vec<_> = (0..1_000)
            .map(|_| {
                store
                    .clone()
                    .create(NewKey::new("a"))
                    .expect("created")
                    .record()
                    .id
            })
            .collect();
        for id in ids {
            assert_eq!(found(&store, &id).expect("there").id, id);
        }
        assert_eq!(found(&store, &"000000000000".parse().expect("an id")), None);
        let listed = store.list();
        assert_eq!(listed.len(), 1_000);
        assert!(listed.is_sorted_by_key(|record| record.created_at));
    }

    #[test]
    fn insert_does_not_replace_a_revoked_key() {
        let store = MemoryStore::new();
        let issued = store.create(NewKey::new("a")).expect("created");
        let id = issued.record().id;
        let revoked = store.revoke(&id).expect("revoked");
        assert!(revoked.revoked_at.is_some());
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
    fn insert_with_a_duplicate_stores_nothing() {
        let store = MemoryStore::new();
        let record = |owner: &str| {
            let issued = NewKey::new(owner).issue(system_clock().now(), None);
            issued.expect("created").record().clone()
        };
        let (one, two) = (record("one"), record("two"));
        assert!(store.insert([one.clone(), two, one]).is_err());
        assert!(store.list().is_empty());
    }

    #[test]
    fn rotated_key_names_its_successor() {
        let store = MemoryStore::new();
        let id = store.create(NewKey::new("a")).expect("created").record().id;
        let new = store.rotate(&id, Duration::from_secs(60)).expect("rotated");
        let successor = new.record().id;
        assert_eq!(
            found(&store, &id).and_then(|old| old.successor),
            Some(successor)
        );
        assert!(found(&store, &successor).is_some());
        let again = store.rotate(&id, Duration::from_secs(60));
        let error = KeyError::AlreadyRotated { id, successor };
        assert_eq!(again.expect_err("twice"), error);
    }
}
