//! The tokens that were verified, so that the same token again costs next to nothing.
//!
//! Two levels. [`shared`](self::shared) holds the tokens of one scheme for all threads; [`near`](self::near) holds
//! the few that a thread sees again and again, so that threads do not share a reference count. What both hold is an
//! [`Entry`], and what makes a hit is decided there, in one place.
//!
//! Only verified tokens enter, so that junk evicts nothing. Nothing is ever flushed: an entry carries the epochs that
//! it was verified under, and one that is out of date is no hit.

mod entry;
mod limits;
mod near;
mod shared;
mod slot;
mod text;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;
use portcullis_core::UnixTime;

pub use self::limits::{CacheLimits, CacheStatus};
use self::{
    entry::Entry,
    shared::{Newcomer, Shared},
};
use crate::{VerifiedToken, issuer_keys::KeyView};

/// The verified tokens of one scheme.
pub(crate) struct TokenCache {
    /// Never used again, so that two schemes on one thread do not take each other's entries.
    id: u64,
    seed: RandomState,
    shared: Shared<Entry>,
}

/// What a token's verification rests on besides the token and the time.
pub(crate) struct Grounds<'v> {
    /// The keys of the issuer.
    pub(crate) keys: &'v KeyView,
    /// The epoch of the list of trusted issuers, read before verification began.
    pub(crate) trust_epoch: u64,
}

impl TokenCache {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            seed: RandomState::default(),
            shared: Shared::new(limits.max_entries, limits.max_bytes),
        }
    }

    /// What `read` makes of the verified token, if `token` is one that still holds.
    pub(crate) fn get<R>(
        &self,
        token: &[u8],
        trust_epoch: u64,
        now: UnixTime,
        read: impl Fn(&VerifiedToken) -> R,
    ) -> Option<R> {
        let hash = self.hash(token);
        let is_hit = |entry: &Entry| entry.is_hit(token, trust_epoch, now);
        near::get(self.id, hash, is_hit, &read).or_else(|| {
            self.shared.get(hash, is_hit, |entry| {
                near::offer(self.id, hash, entry);
                read(entry.verified())
            })
        })
    }

    /// Keeps a token that was verified on these grounds, if there is room at `now`.
    pub(crate) fn insert(
        &self,
        token: &[u8],
        verified: &VerifiedToken,
        grounds: &Grounds<'_>,
        now: UnixTime,
    ) {
        let newcomer = Newcomer {
            hash: self.hash(token),
            bytes: Entry::counted(token.len(), verified),
            until: second(verified.validity.until()) + 1,
        };
        self.shared.insert(&newcomer, second(now), || {
            let (keys, trust_epoch) = (grounds.keys.clone(), grounds.trust_epoch);
            Arc::new(Entry::new(token, verified.clone(), keys, trust_epoch))
        });
    }

    pub(crate) fn status(&self) -> CacheStatus {
        self.shared.status()
    }

    /// Of the end of the signature, which is as good as random, and different for each token. Whoever makes two that
    /// are alike there finds nothing but the wrong bytes to compare with.
    fn hash(&self, token: &[u8]) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        /// 96 bits, and the most that is hashed without a call.
        const TAIL: usize = 16;

        let mut hasher = self.seed.build_hasher();
        hasher.write(&token[token.len().saturating_sub(TAIL)..]);
        hasher.finish()
    }
}

/// A time as the shared level has it, cut to the second. Past the year 2106 nothing is over for it any more.
fn second(time: UnixTime) -> u32 {
    const LAST: u32 = u32::MAX - 1;
    u32::try_from(time.as_secs()).map_or(LAST, |second| second.min(LAST))
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status().fmt(f)
    }
}
