use std::{
    collections::HashSet,
    hash::BuildHasher,
    sync::{PoisonError, RwLock},
};

use foldhash::{fast, quality};

use crate::format::ApiKeyId;

/// The ids of all keys of a store, 11 to 21 bytes each.
///
/// It keeps 64-bit hashes of random seed. Another id with the hash of a known one, which nobody can choose, only costs a query.
/// The ids of removed keys stay until [`clear`](Self::clear).
pub(super) struct KnownIds {
    hasher: quality::RandomState,
    /// Several, so that growing one takes little memory and time.
    shards: Box<[RwLock<Hashes>]>,
}

type Hashes = HashSet<u64, fast::RandomState>;

impl KnownIds {
    const SHARDS: usize = 256;

    pub(super) fn new() -> Self {
        Self {
            hasher: quality::RandomState::default(),
            shards: (0..Self::SHARDS).map(|_| RwLock::default()).collect(),
        }
    }

    pub(super) fn contains(&self, id: &ApiKeyId) -> bool {
        let (hash, shard) = self.find(id);
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        shard.contains(&hash)
    }

    pub(super) fn insert(&self, id: &ApiKeyId) {
        let (hash, shard) = self.find(id);
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        shard.insert(hash);
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            *shard.write().unwrap_or_else(PoisonError::into_inner) = Hashes::default();
        }
    }

    pub(super) fn len(&self) -> usize {
        let len =
            |shard: &RwLock<Hashes>| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        self.shards.iter().map(len).sum()
    }

    fn find(&self, id: &ApiKeyId) -> (u64, &RwLock<Hashes>) {
        let hash = self.hasher.hash_one(id);
        // The upper bits choose the shard: the sets use all.
        let shard = (hash >> 56) as usize % Self::SHARDS;
        (hash, &self.shards[shard])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_id_takes_at_most_24_bytes() {
        let ids: Vec<_> = (0..60_000)
            .map(|_| ApiKeyId::random().expect("random numbers"))
            .collect();
        let known = KnownIds::new();
        let mut most = 0.0_f64;
        for (count, id) in ids.iter().enumerate() {
            known.insert(id);
            if count % 1_000 == 999 && count > 20_000 {
                most = most.max(bytes(&known) / (count + 1) as f64);
            }
        }
        assert!(most <= 24.0, "{most} bytes");
        assert_eq!(known.len(), ids.len());
        assert!(ids.iter().all(|id| known.contains(id)));
        assert!(!known.contains(&ApiKeyId::random().expect("random numbers")));
        known.clear();
        assert!(!known.contains(&ids[0]));
    }

    /// What the sets allocate: for each bucket, of which 7 in 8 can be used, a hash and a byte.
    fn bytes(known: &KnownIds) -> f64 {
        let bytes = |shard: &RwLock<Hashes>| {
            let capacity = shard.read().expect("not poisoned").capacity();
            (capacity * 8 / 7) as f64 * 9.0 + 16.0
        };
        known.shards.iter().map(bytes).sum()
    }
}
