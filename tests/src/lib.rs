//! Helpers of the end-to-end tests: the services under test, real authorization servers, and an HTTP client that sends
//! exactly the given bytes.
//!
//! Each server listens on a free loopback port and stops when it is dropped. The functions panic with the reason if a
//! precondition of a test is not met.

mod checksum;
mod glewlwyd;
mod http;
mod oidc_provider;
mod program;
mod script;
mod scripted_server;
mod service;
mod token_cache;

pub use checksum::with_checksum;
pub use glewlwyd::Glewlwyd;
pub use http::{Connection, Response, exchange, get};
pub use oidc_provider::{Key, OidcProvider, UserTokens};
pub use program::program;
pub use scripted_server::ScriptedServer;
pub use service::Service;
pub use token_cache::apply_token_cache_env;
