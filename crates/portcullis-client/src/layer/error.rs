//! The error of clients with credentials.

use std::{convert::Infallible, error::Error, fmt};

use crate::{ForbiddenOrigin, TokenError};

const NO_TOKEN: &str = "request not sent, or not sent again, because no access token or no proof for it could be obtained: see the cause";

/// A request failed, or was not sent because its credential could not be added. `E` is the error of the inner service.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AddCredentialError<E = Infallible> {
    /// No token, or no proof for it, could be obtained. The request was not sent, or not a second time.
    #[error("{NO_TOKEN}")]
    Token(#[source] TokenError),
    /// The credential may not be sent to that origin. The request was not sent.
    #[error(transparent)]
    Origin(ForbiddenOrigin),
    /// The inner service failed.
    #[error(transparent)]
    Inner(E),
}

/// Shows `Display` and the cause, for a `main` that returns the error.
impl<E: fmt::Debug> fmt::Debug for AddCredentialError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => write!(f, "{NO_TOKEN}\n  caused by: {error}"),
            Self::Origin(error) => fmt::Debug::fmt(error, f),
            Self::Inner(error) => fmt::Debug::fmt(error, f),
        }
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> AddCredentialError<E> {
    /// Converts to tower's boxed error: the inner service's error, or an `AddCredentialError` to downcast to. Use it with
    /// `map_err` where the inner error is a box, as with tower's `Buffer`: a box does not implement [`Error`], so this type does not either.
    #[must_use]
    pub fn into_boxed(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Token(error) => Box::new(AddCredentialError::<Infallible>::Token(error)),
            Self::Origin(error) => Box::new(AddCredentialError::<Infallible>::Origin(error)),
            Self::Inner(error) => error.into(),
        }
    }
}
