//! Tokens and API keys for outgoing calls.
//!
//! A [`TokenSource`] holds one access token by OAuth 2.0 client credentials (RFC 6749 §4.4). Concurrent callers share one
//! token request. The token is renewed in the background and is never handed out in the last moments before it expires.
//! During an outage of the authorization server the current token remains in use, up to those last moments. Then calls fail with
//! the reason. No request is ever sent without its credential.
//!
//! | task | type |
//! |---|---|
//! | get a token | [`TokenSource`]; for many services [`TokenSet`]; on behalf of a caller [`TokenExchange`] |
//! | configure the authorization server | [`AuthorizationServer`] |
//! | authenticate by secret, key or certificate | [`ClientAuthentication`] |
//! | bind tokens to a key (RFC 9449) | [`TokenSourceBuilder::dpop`] |
//! | send tokens by hyper, tonic or another tower client | [`AddTokenLayer`] |
//! | send an API key, which may be rotated | [`ApiKeySource`], [`AddApiKeyLayer`] |
//! | do either by reqwest | `AuthenticatedClientBuilder`, with the feature `reqwest-middleware` |
//! | send tokens by any other client | [`TokenSource::token`], [`Origins::allows`], [`AccessToken::authorize`] |
//!
//! Credentials are sent only to the listed [`Origins`].

// ARCHITECTURE.md, *The path of an outgoing call*, lists the files in the order of a call.

mod api_key;
mod challenge;
mod error;
mod exchange;
mod failures;
#[cfg(all(test, target_os = "linux"))]
mod header_zeroing_tests;
mod layer;
mod lifetime;
mod origins;
mod request;
#[cfg(feature = "reqwest-middleware")]
mod reqwest;
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
        api_key::{AddApiKey, AddApiKeyFuture, AddApiKeyLayer},
        error::AddCredentialError,
        future::AddTokenFuture,
        service::{AddToken, AddTokenLayer, CopyBody, NoReplay},
    },
    origins::{ForbiddenOrigin, Origins},
    set::TokenSet,
    source::{TokenEvent, TokenSource, TokenSourceBuilder, TokenStatus},
    subject_token::SubjectToken,
    token::{AccessToken, SentProof},
};
pub use portcullis_jose::{Algorithm, DpopKey, SigningKey};
pub use portcullis_oauth::{
    AuthorizationServer, AuthorizationServerBuilder, ClientAuthentication, ClientCertificate,
    ClientKeys, ClientSecret, ClientSecrets, CredentialProvider, HttpSettings, OAuthError,
    ProviderFuture,
};
