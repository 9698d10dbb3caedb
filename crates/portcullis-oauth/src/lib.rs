//! What both halves of the suite need to talk to OAuth servers.
//!
//! [`http`] sends bounded requests: limited in time and size, without redirects, and to no address that an issuer should
//! not name. [`discovery`] reads an issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414). With the feature
//! `client-auth`, [`AuthorizationServer`] finds a server's endpoints and [`ClientAuthentication`] says who asks there.
//!
//! Services use `portcullis-remote` and `portcullis-client`, which are built on this.
#![cfg_attr(
    not(feature = "client-auth"),
    doc = "\n[`AuthorizationServer`]: https://docs.rs/portcullis-oauth\n[`ClientAuthentication`]: https://docs.rs/portcullis-oauth"
)]

#[cfg(feature = "client-auth")]
mod client_auth;
pub mod discovery;
mod error;
pub mod http;
mod json_object;
#[cfg(feature = "client-auth")]
mod nonces;
mod printable;
#[cfg(feature = "client-auth")]
mod server;

#[cfg(feature = "client-auth")]
pub use self::{
    client_auth::{
        ClientAuthentication, ClientCertificate, ClientKeyProvider, ClientKeys, ClientSecret,
        ClientSecretProvider, ClientSecrets, KeysFuture, SecretsFuture,
    },
    nonces::DpopNonces,
    server::{
        AuthorizationServer, AuthorizationServerBuilder, OAuthAnswer, OAuthEndpoint, OAuthError,
    },
};
pub use self::{
    error::{FetchError, FetchErrorKind},
    http::HttpSettings,
    json_object::{DocumentError, read_json_object},
};
