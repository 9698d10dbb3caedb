//! A verified token.

use portcullis_core::Principal;

use crate::{VerifyError, verifier::Validity};

/// A token that passed every check that does not depend on the request.
///
/// Only a [`JwtVerifier`](crate::JwtVerifier) creates it. It is cheap to clone. Whether the sender
/// may use it is checked on each request, with [`as_bearer`](Self::as_bearer).
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    pub(crate) principal: Principal,
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
    pub fn as_bearer(&self) -> Result<&Principal, VerifyError> {
        if self.sender_constrained {
            Err(VerifyError::SenderConstrained)
        } else {
            Ok(&self.principal)
        }
    }

    /// A copy with its own principal, so that threads do not share a reference count.
    pub(crate) fn unshared(&self) -> Self {
        Self {
            principal: self.principal.unshared(),
            ..self.clone()
        }
    }
}
