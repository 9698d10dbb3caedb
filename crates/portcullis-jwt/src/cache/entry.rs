//! A cached token and the rules for a hit.

use portcullis_core::{Secret, clock::UnixTime};

use crate::{VerifiedToken, issuer_keys::SnapshotCell};

pub(super) struct Entry {
    pub(super) token: Secret,
    pub(super) verified: VerifiedToken,
    /// The issuer's current keys. A hit compares their epoch with that of `verified`.
    pub(super) current_keys: SnapshotCell,
    pub(super) trust_epoch: u64,
}

impl Entry {
    /// The estimated size of the entry of `token`.
    pub(super) fn estimated_bytes(token: &[u8], verified: &VerifiedToken) -> usize {
        /// For the headers of the allocator and the slot in the shard.
        const OVERHEAD: usize = 128;

        // Not known: a principal on the heap takes about as much as these, since its texts come from the token.
        let principal = size_of::<VerifiedToken>() + token.len();
        let access_token = verified.principal.access_token();
        let access_token = access_token.map_or(0, |token| token.expose().len());
        size_of::<Self>() + token.len() + principal + access_token + OVERHEAD
    }

    /// Whether a new verification of `token` at `now` would give the same result: the issuer is trusted by the same
    /// rules and has the same keys, the keys are not stale, and the token's times hold.
    #[inline]
    pub(super) fn is_hit(&self, token: &[u8], trust_epoch: u64, now: UnixTime) -> bool {
        let snapshot = self.current_keys.load();
        self.trust_epoch == trust_epoch
            && self.verified.validity.contains(&now)
            && snapshot.epoch == self.verified.epoch
            && !snapshot.is_stale(now)
            && self.token.expose() == token
    }
}
