//! The layers that add credentials to requests.

mod api_key;
mod error;
mod future;
mod service;

pub use self::{
    api_key::{AddApiKey, AddApiKeyFuture, AddApiKeyLayer},
    error::AddCredentialError,
    future::AddTokenFuture,
    service::{AddToken, AddTokenLayer, CopyBody, NoReplay},
};
