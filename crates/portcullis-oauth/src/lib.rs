//! Requests to OAuth 2.0 servers, shared by `portcullis-remote` and `portcullis-client`.
//!
//! - [`http`]: HTTP requests with limits on time, size and destination.
//! - [`discovery`]: metadata of issuers (OpenID Connect Discovery 1.0, RFC 8414).
//! - With the feature `client-auth`: `AuthorizationServer`, which finds a server's endpoints and posts forms to them, and
//!   `ClientAuthentication`, the methods by which a client authenticates there.

mod blocking;
#[cfg(feature = "client-auth")]
mod client_auth;
pub mod discovery;
#[cfg(feature = "client-auth")]
mod dpop;
mod error;
pub mod http;
mod json_object;
#[cfg(feature = "client-auth")]
mod server;
#[cfg(feature = "client-auth")]
mod time;

pub use self::{
    blocking::Blocking,
    error::{FetchError, FetchErrorKind},
    http::HttpSettings,
    json_object::{DocumentError, read_json_object},
};
#[cfg(feature = "client-auth")]
pub use self::{
    client_auth::{
        ClientAuthentication, ClientCertificate, ClientKeys, ClientSecret, ClientSecrets,
        CredentialProvider, ProviderFuture,
    },
    dpop::DpopNonces,
    server::{
        AuthorizationServer, AuthorizationServerBuilder, OAuthAnswer, OAuthEndpoint, OAuthError,
    },
    time::to_rfc3339,
};
