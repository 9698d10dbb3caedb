//! For tests of your service: an OAuth 2.0 issuer in-process, with every fault it can have.
//!
//! [`TestIssuer::start`] serves metadata, a key set and a token endpoint on a free port of loopback.
//! [`TestIssuer::token`] mints tokens, valid or [broken](Broken). Keys [rotate](TestIssuer::rotate), endpoints
//! [fail](TestIssuer::fault), requests are [counted](TestIssuer::requests), and a [`ManualClock`] moves time.
//!
//! ```
//! use portcullis_test::{Broken, Endpoint, Fault, TestIssuer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let issuer = TestIssuer::start().await;
//! // Configure the service under test with issuer.url(), or issuer.jwks_uri(), and issuer.audience(). Then:
//! let good = issuer.token().scope("orders:read").mint();
//! for broken in Broken::ALL {
//!     let refused = issuer.token().scope("orders:read").mint_broken(*broken);
//!     // … send it: the answer must be 401 or 400.
//!     # assert_ne!(refused, good);
//! }
//! issuer.fault(Endpoint::Jwks, Fault::Hang);
//! // … `good` is still accepted: the service has the keys.
//! # }
//! ```
//!
//! The issuer runs on the runtime of the test, so paused tokio time works, and it ends with the test. Do not block that
//! runtime: if the client is another process, wait for it asynchronously or use a multi-threaded runtime.
//!
//! The crate shares no code with the crates that verify tokens, so it does not repeat their mistakes. It panics if the
//! operating system returns no random bytes.

mod broken;
mod builder;
mod client;
mod clock;
mod encoding;
mod endpoint;
mod fault;
mod issuer;
mod key;
mod record;
mod server;
mod settings;
mod state;
mod token;

pub use broken::{Broken, BrokenKind};
pub use builder::TestIssuerBuilder;
pub use client::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET};
pub use clock::ManualClock;
pub use endpoint::Endpoint;
pub use fault::Fault;
pub use issuer::TestIssuer;
pub use key::{SigningAlgorithm, TestKey};
pub use record::RecordedRequest;
pub use settings::DEFAULT_AUDIENCE;
pub use token::TokenBuilder;
