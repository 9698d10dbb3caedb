//! What the authenticate layer found, as guards, extractors and handlers see it.

use std::sync::Arc;

use http::Extensions;

use crate::{principal::Principal, refusal::Refusal, schemes::Schemes};

/// Who is calling: in the extensions of every request that [`AuthenticateLayer`](crate::AuthenticateLayer) passes on.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// No credentials were sent, and the layer is optional.
    Anonymous(Anonymous),
    /// The credentials were verified.
    Authenticated(Principal),
}

impl Authentication {
    /// The caller, if it is authenticated.
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous(_) => None,
            Self::Authenticated(principal) => Some(principal),
        }
    }

    /// The authenticated caller of a request with these extensions.
    ///
    /// # Errors
    ///
    /// 401 for an anonymous request; otherwise as [`of`](Self::of).
    pub fn require(extensions: &Extensions) -> Result<&Principal, Refusal> {
        match Self::of(extensions)? {
            Self::Authenticated(principal) => Ok(principal),
            Self::Anonymous(anonymous) => Err(anonymous.refuse()),
        }
    }

    /// The authentication of a request with these extensions.
    ///
    /// # Errors
    ///
    /// 500, logged as an error, without an [`AuthenticateLayer`](crate::AuthenticateLayer) in front.
    pub fn of(extensions: &Extensions) -> Result<&Self, Refusal> {
        extensions.get().ok_or_else(|| {
            Refusal::misconfigured(
                "a guard or extractor ran without an AuthenticateLayer in front: add the layer outside it",
            )
        })
    }
}

/// A caller that sent no credentials.
#[derive(Clone, Debug)]
pub struct Anonymous(pub(crate) Arc<Schemes>);

impl Anonymous {
    /// The refusal where credentials are required after all: 401 with the challenge of every scheme.
    pub fn refuse(&self) -> Refusal {
        Refusal::anonymous(&self.0)
    }
}
