//! A verified token.

use portcullis_core::{Principal, clock::UnixTime};

use crate::{VerifyError, verifier::Validity};

/// A token that passed every check that does not depend on the request.
///
/// Only a [`JwtVerifier`](crate::JwtVerifier) creates it. It never changes, and is cheap to clone. Whether the sender
/// may use it is checked on each request, with [`bind_as_bearer`](Self::bind_as_bearer).
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    pub(crate) principal: Principal,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) expires_at: UnixTime,
    pub(crate) validity: Validity,
    pub(crate) sender_constrained: bool,
    pub(crate) epoch: u64,
}

impl VerifiedToken {
    /// The caller, if any party in possession of the token may use it (RFC 6750 §1.2).
    ///
    /// # Errors
    ///
    /// [`VerifyError::SenderConstrained`] if the token has a `cnf` claim of any type (RFC 7800 §3.1,
    /// RFC 9449 §7.2): such a token requires a proof of possession.
    pub fn bind_as_bearer(&self) -> Result<&Principal, VerifyError> {
        if self.sender_constrained {
            Err(VerifyError::SenderConstrained)
        } else {
            Ok(&self.principal)
        }
    }

    /// `exp` (RFC 7519 §4.1.4), without leeway.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// `nbf` (RFC 7519 §4.1.5), without leeway.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before
    }

    /// The epoch of the key set that verified the token.
    #[must_use]
    pub fn key_epoch(&self) -> u64 {
        self.epoch
    }

    /// A copy with its own principal, so that threads do not share a reference count.
    pub(crate) fn unshared(&self) -> Self {
        Self {
            principal: self.principal.unshared(),
            ..self.clone()
        }
    }
}
