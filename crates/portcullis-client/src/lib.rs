//! The other half: a service gets its own tokens for the calls it makes.
//!
//! A [`TokenSource`] holds one access token by OAuth 2.0 client credentials (RFC 6749 §4.4). It is fetched once however
//! many calls wait for it, renewed in the background before it expires, and never handed out in its last moments. When
//! the authorization server cannot be asked the token at hand serves while it lives; after that calls fail with an
//! error that says why. Nothing is ever sent without a credential in place of one.
//!
//! | to | there is |
//! |---|---|
//! | say where tokens come from | [`AuthorizationServer`] |
//! | say who asks, by secret, key or certificate | [`ClientAuthentication`] |
//! | have a token | [`TokenSource`]; for many services [`TokenSet`]; on behalf of a caller [`TokenExchange`] |
//! | bind tokens to a key (RFC 9449) | [`TokenSourceBuilder::dpop`] |
//! | send it by hyper, tonic or another tower client | [`AddTokenLayer`] |
//! | send an API key, which may rotate | [`ApiKeySource`], [`AddApiKeyLayer`] |
//! | do either by reqwest | `AuthenticatedClientBuilder`, with the feature `reqwest-middleware` |
//! | send it by anything else | [`TokenSource::token`], [`Origins::allow`], [`AccessToken::authorize`] |
//!
//! Credentials are sent to the [`Origins`] that were listed, and to no others.

// A call through the files: `layer/` → `origins.rs` (may it go there?) → `source/mod.rs` (the token at hand, or wait) →
// `source/task.rs`, which asks → `response.rs` (what came back) → `schedule.rs` (when to ask again).

mod api_key;
mod challenge;
mod error;
mod exchange;
mod layer;
mod lifetime;
mod origins;
mod request;
#[cfg(feature = "reqwest-middleware")]
mod reqwest;
mod runtime;
mod secret_header;
mod set;
mod source;
mod subject_token;
mod token;
mod token_client;
mod token_response;

#[cfg(feature = "reqwest-middleware")]
pub use self::reqwest::AuthenticatedClientBuilder;
pub use self::{
    api_key::ApiKeySource,
    error::{TokenError, TokenErrorKind},
    exchange::{TokenExchange, TokenExchangeBuilder},
    layer::{
        AddApiKey, AddApiKeyFuture, AddApiKeyLayer, AddToken, AddTokenError, AddTokenFuture,
        AddTokenLayer, NoReplay, Replay, ReplayBodies, ReplayBody,
    },
    origins::{ForbiddenOrigin, Origins},
    set::TokenSet,
    source::{TokenEvent, TokenSource, TokenSourceBuilder, TokenStatus},
    subject_token::SubjectToken,
    token::{AccessToken, Authorized},
};
pub use portcullis_jose::{Algorithm, DpopKey, SigningKey};
pub use portcullis_oauth::{
    AuthorizationServer, AuthorizationServerBuilder, ClientAuthentication, ClientCertificate,
    ClientKeyProvider, ClientKeys, ClientSecret, ClientSecretProvider, ClientSecrets, HttpSettings,
    KeysFuture, OAuthError, SecretsFuture,
};
