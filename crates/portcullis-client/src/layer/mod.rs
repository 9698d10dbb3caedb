//! The layers that put credentials on requests.

mod api_key;
mod future;
mod replay;
mod service;

pub use self::{
    api_key::{AddApiKey, AddApiKeyFuture, AddApiKeyLayer},
    future::AddTokenFuture,
    replay::{NoReplay, Replay, ReplayBody},
    service::{AddToken, AddTokenLayer},
};
use crate::{ForbiddenOrigin, TokenError};

/// Why a request was not answered.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddTokenError<E> {
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
