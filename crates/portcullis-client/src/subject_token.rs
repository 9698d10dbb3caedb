//! The token of the party on whose behalf a call is made.

use std::sync::Arc;

use portcullis_core::{Principal, Secret, clock::UnixTime};

use crate::{TokenError, TokenErrorKind};

/// The token of the party on whose behalf a call is made (RFC 8693 §2.1).
#[derive(Clone, Debug)]
pub struct SubjectToken {
    pub(crate) token: Secret,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) issuer: Option<Arc<str>>,
}

impl SubjectToken {
    /// The token of an authenticated caller.
    ///
    /// # Errors
    ///
    /// [`TokenErrorKind::NoSubjectToken`] when the principal does not hold its token: the bearer scheme must be built
    /// with `keep_access_token`, and an API key cannot be exchanged. The service's own token is never used instead.
    pub fn of(principal: &Principal) -> Result<Self, TokenError> {
        let token = principal.access_token().ok_or_else(|| {
            let why = "the caller's principal has no token to exchange: build the bearer scheme with `keep_access_token` (API keys cannot be exchanged)";
            TokenError::new(TokenErrorKind::NoSubjectToken, why)
        })?;
        let issuer = principal.issuer().map(Arc::from);
        let subject = Self::access_token(token.clone(), principal.expires_at());
        Ok(Self { issuer, ..subject })
    }

    /// An access token that does not come from a [`Principal`]. The exchanged token is not used past `expires_at`.
    #[must_use]
    pub fn access_token(token: Secret, expires_at: Option<UnixTime>) -> Self {
        Self {
            token,
            expires_at,
            issuer: None,
        }
    }
}
