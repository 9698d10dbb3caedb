//! One verified token, and whether it still holds.

use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_core::UnixTime;

use super::{shared::Cached, text::TokenText};
use crate::{VerifiedToken, issuer_keys::KeyView};

/// A token that was verified, with all that its verification rested on.
pub(super) struct Entry {
    text: TokenText,
    verified: VerifiedToken,
    keys: KeyView,
    trust_epoch: u64,
    was_used: AtomicBool,
}

impl Entry {
    pub(super) fn new(
        token: &[u8],
        verified: VerifiedToken,
        keys: KeyView,
        trust_epoch: u64,
    ) -> Self {
        Self {
            text: TokenText::new(token),
            verified,
            keys,
            trust_epoch,
            was_used: AtomicBool::new(false),
        }
    }

    pub(super) fn verified(&self) -> &VerifiedToken {
        &self.verified
    }

    /// Whether `token` is this one, and would be verified again with the same result: by the same keys of an issuer
    /// that is still trusted, within the limits of its keys and its own.
    #[inline]
    pub(super) fn is_hit(&self, token: &[u8], trust_epoch: u64, now: UnixTime) -> bool {
        let is_hit = self.trust_epoch == trust_epoch
            && self.verified.validity.holds_at(now)
            && self.keys.are_current(self.verified.epoch, now)
            && self.text.is(token);
        // Most of the time it is set already: reading shares the cache line, writing would not.
        if is_hit && !self.was_used.load(Ordering::Relaxed) {
            self.was_used.store(true, Ordering::Relaxed);
        }
        is_hit
    }
}

impl Cached for Entry {
    /// What came out of the payload is no longer than the token, and a third shorter.
    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of::<VerifiedToken>() + 2 * self.text.bytes()
    }

    fn take_use(&self) -> bool {
        self.was_used.swap(false, Ordering::Relaxed)
    }
}
