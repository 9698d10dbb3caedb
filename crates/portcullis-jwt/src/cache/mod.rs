//! The cache of verified tokens, which makes a repeated token cheap.
//!
//! It has two levels. The shards hold the tokens of one scheme for all threads; [`thread_level`](self::thread_level)
//! holds copies of the few that a thread sees most. [`Entry::is_hit`] decides for both levels.
//!
//! Only verified tokens enter, so forged tokens evict nothing. No entry is invalidated: it carries the epochs of its
//! verification, and an entry with an outdated epoch is not a hit.

mod entry;
mod limits;
mod shard;
mod thread_level;

use std::{
    fmt,
    hash::{BuildHasher, Hasher},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;
use portcullis_core::{Secret, clock::UnixTime, lock};

pub use self::limits::{CacheLimits, CacheStatus};
use self::{entry::Entry, shard::Shard};
use crate::{VerifiedToken, issuer_keys::SnapshotCell};

pub(crate) struct TokenCache {
    /// Distinguishes the entries of this cache at the thread level, which all caches share. Never reused.
    id: u64,
    seed: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

impl TokenCache {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);

        let shards = limits.shards();
        let shard = || Shard::new(limits.max_entries / shards, limits.max_bytes / shards);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            seed: RandomState::default(),
            shards: (0..shards).map(|_| Mutex::new(shard())).collect(),
        }
    }

    /// Applies `read` to the verified form of `token` if it is cached and still valid at `now`.
    pub(crate) fn get<R>(
        &self,
        token: &[u8],
        trust_epoch: u64,
        now: UnixTime,
        read: impl Fn(&VerifiedToken) -> R,
    ) -> Option<R> {
        let hash = self.hash(token);
        let is_hit = |entry: &Entry| entry.is_hit(token, trust_epoch, now);
        thread_level::get(self.id, hash, is_hit, &read).or_else(|| {
            let entry = self.shard(hash).get(hash, is_hit)?;
            thread_level::offer(self.id, hash, &entry);
            Some(read(&entry.verified))
        })
    }

    /// Inserts a token that was verified with `current_keys` while the trusted issuers had the epoch `trust_epoch`.
    pub(crate) fn insert(
        &self,
        token: &[u8],
        verified: &VerifiedToken,
        current_keys: &SnapshotCell,
        trust_epoch: u64,
        now: UnixTime,
    ) {
        let hash = self.hash(token);
        let bytes = Entry::estimated_bytes(token, verified);
        let mut evicted = Vec::new();
        self.shard(hash).insert(hash, bytes, now, &mut evicted, || {
            Arc::new(Entry {
                token: Secret::new(token),
                verified: verified.clone(),
                current_keys: current_keys.clone(),
                trust_epoch,
            })
        });
        // Dropped while nothing is locked: the destructor of custom claims may use this cache.
        drop(evicted);
    }

    pub(crate) fn status(&self) -> CacheStatus {
        let mut status = CacheStatus::default();
        for shard in &self.shards {
            let shard = lock(shard).status();
            status.entries += shard.entries;
            status.bytes += shard.bytes;
        }
        status
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        lock(&self.shards[(hash >> 32) as usize % self.shards.len()])
    }

    /// Hashes the end of the signature, which is as good as random and differs between tokens. A forged collision only
    /// costs one failed comparison.
    fn hash(&self, token: &[u8]) -> u64 {
        /// 96 bits of the signature, and the most that foldhash hashes inline.
        const TAIL: usize = 16;

        let mut hasher = self.seed.build_hasher();
        hasher.write(&token[token.len().saturating_sub(TAIL)..]);
        hasher.finish()
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status().fmt(f)
    }
}
