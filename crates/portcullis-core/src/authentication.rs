//! What the authenticate layer found out, as the guards, extractors and handlers behind it see it.

use std::{fmt, sync::Arc};

use http::Extensions;

use crate::{Principal, Refusal, offer::Offer};

/// Who is calling: put in the extensions of every request that
/// [`AuthenticateLayer`](crate::AuthenticateLayer) lets through.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller is known or not; a third answer would be a hole"
)]
pub enum Authentication {
    /// No credentials were sent, and the layer is optional.
    Anonymous(Anonymous),
    /// Credentials were sent, and hold.
    Authenticated(Principal),
}

impl Authentication {
    /// The caller, where it is known.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous(_) => None,
            Self::Authenticated(principal) => Some(principal),
        }
    }

    /// The caller of a request with these extensions.
    ///
    /// # Errors
    ///
    /// 401 for an anonymous request; 500, logged as an error, when no
    /// [`AuthenticateLayer`](crate::AuthenticateLayer) stands in front.
    pub fn require(extensions: &Extensions) -> Result<&Principal, Refusal> {
        match Self::of(extensions)? {
            Self::Authenticated(principal) => Ok(principal),
            Self::Anonymous(anonymous) => Err(anonymous.refuse()),
        }
    }

    /// What the layer found out about a request with these extensions.
    ///
    /// # Errors
    ///
    /// 500, logged as an error, when no [`AuthenticateLayer`](crate::AuthenticateLayer) stands in front.
    pub fn of(extensions: &Extensions) -> Result<&Self, Refusal> {
        extensions.get().ok_or_else(|| {
            Refusal::misconfigured(
                "a guard or extractor ran without an AuthenticateLayer in front: add the layer outside it",
            )
        })
    }
}

/// A caller that sent no credentials, with what it can still be told to send.
#[derive(Clone)]
pub struct Anonymous {
    offer: Arc<Offer>,
}

impl Anonymous {
    pub(crate) fn new(offer: Arc<Offer>) -> Self {
        Self { offer }
    }

    /// The refusal for where credentials are needed after all: 401 with every scheme's challenge.
    #[must_use]
    pub fn refuse(&self) -> Refusal {
        Refusal::without_credentials(&self.offer)
    }
}

impl fmt::Debug for Anonymous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let challenges = self.offer.challenges().iter();
        f.debug_list()
            .entries(challenges.map(|challenge| challenge.name()))
            .finish()
    }
}
