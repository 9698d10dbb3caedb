//! What talks HTTP to token issuers: keeps their keys fresh in the background, and asks their endpoints as a client.
//!
//! [`Issuer`] finds an issuer's keys by its metadata or at a configured URL, and owns the task that fetches them ahead of
//! time, survives outages, and answers requests that bring unknown keys within a budget. What requests see of it is
//! [`IssuerKeys`](portcullis_jwt::IssuerKeys): a snapshot that they borrow without waiting.
//!
//! The order of a refresh through the files: `signals.rs` (a request asks) → `gate.rs` (may it?) → `task.rs` → `fetch.rs`
//! → `discovery.rs`, `http/` → back in `task.rs`, which publishes. When to fetch is decided by
//! [`RefreshSchedule`](portcullis_jwt::RefreshSchedule), which is pure.
//!
//! [`AuthorizationServer`] is the other side of an issuer, for those who want something of it: `server/` finds its
//! endpoints, `client_auth/` says who asks.

mod board;
mod client_auth;
mod clock_watch;
mod discovery;
mod disk;
mod document;
mod error;
mod event;
mod fetch;
mod fixed;
mod gate;
mod http;
mod issuer;
mod nonces;
mod server;
mod signals;
mod status;
mod task;

pub use self::{
    client_auth::{
        ClientAuthentication, ClientCertificate, ClientKeyProvider, ClientKeys, ClientSecret,
        ClientSecretProvider, ClientSecrets, KeysFuture, SecretsFuture, read_secret_file,
    },
    document::{DocumentError, read_json_object},
    error::{FetchError, FetchErrorKind, StartError},
    event::{ClockOffset, IssuerEvent, KeyId},
    fixed::{keys_from_jwks_file, keys_from_pem_file},
    issuer::{Issuer, IssuerBuilder},
    nonces::DpopNonces,
    server::{
        AuthorizationServer, AuthorizationServerBuilder, OAuthAnswer, OAuthEndpoint, OAuthError,
    },
    status::Status,
};
