//! The layers that put credentials on requests.

mod api_key;
mod future;
pub(crate) mod refusal;
mod replay;
mod service;

use std::{convert::Infallible, error::Error, fmt};

pub use self::{
    api_key::{AddApiKey, AddApiKeyFuture, AddApiKeyLayer},
    future::AddTokenFuture,
    replay::{NoReplay, Replay, ReplayBodies, ReplayBody},
    service::{AddToken, AddTokenLayer},
};
use crate::{ForbiddenOrigin, TokenError};

/// Why a request was not answered. `E` is the error of the service inside.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AddTokenError<E = Infallible> {
    /// There is no token. The request was not sent.
    #[error("the request was not sent, as there is no token for it")]
    Token(#[source] TokenError),
    /// The credential may not go there. The request was not sent.
    #[error(transparent)]
    Origin(ForbiddenOrigin),
    /// The service inside failed.
    #[error(transparent)]
    Inner(E),
}

/// As `Display`, with the cause, for a `main` that returns it.
impl<E: fmt::Debug> fmt::Debug for AddTokenError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => write!(
                f,
                "the request was not sent, as there is no token for it\n  caused by: {error}"
            ),
            Self::Origin(error) => fmt::Debug::fmt(error, f),
            Self::Inner(error) => fmt::Debug::fmt(error, f),
        }
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> AddTokenError<E> {
    /// As tower's boxed error: the service's own, or an `AddTokenError` to downcast to.
    ///
    /// For stacks whose error is boxed already, as that of tower's `Buffer` is. A box is no [`Error`], so neither is this
    /// with one inside, and clients such as tonic's do not take it: `map_err` with this.
    #[must_use]
    pub fn into_boxed(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Token(error) => Box::new(AddTokenError::<Infallible>::Token(error)),
            Self::Origin(error) => Box::new(AddTokenError::<Infallible>::Origin(error)),
            Self::Inner(error) => error.into(),
        }
    }
}
