//! One verified token, and whether it still holds.

use portcullis_core::UnixTime;

use super::{shared::Cached, text::TokenText};
use crate::{VerifiedToken, issuer_keys::KeyView};

/// A token that was verified, with all that its verification rested on.
pub(super) struct Entry {
    text: TokenText,
    verified: VerifiedToken,
    keys: KeyView,
    trust_epoch: u64,
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
        }
    }

    /// What the entry of a token of this length counts for, an estimate: what came out of the payload takes about as much
    /// as the token, most of the time less.
    pub(super) fn counted(length: usize, verified: &VerifiedToken) -> usize {
        /// What a principal has of its own, and the headers of what is allocated for it.
        const PRINCIPAL: usize = 64;

        let kept = verified.principal.access_token();
        let kept = kept.map_or(0, |token| token.expose().len());
        let texts = 2 * TokenText::bytes_of(length);
        size_of::<Self>() + size_of::<VerifiedToken>() + PRINCIPAL + texts + kept
    }

    pub(super) fn verified(&self) -> &VerifiedToken {
        &self.verified
    }

    /// Whether `token` is this one, and would be verified again with the same result: by the same keys of an issuer
    /// that is still trusted, within the limits of its keys and its own.
    #[inline]
    pub(super) fn is_hit(&self, token: &[u8], trust_epoch: u64, now: UnixTime) -> bool {
        self.trust_epoch == trust_epoch
            && self.verified.validity.holds_at(now)
            && self.keys.are_current(self.verified.epoch, now)
            && self.text.is(token)
    }
}

impl Cached for Entry {
    fn bytes(&self) -> usize {
        Self::counted(self.text.length(), &self.verified)
    }
}
