//! For your own tests: an OAuth 2.0 issuer in-process, with every fault it can have.
//!
//! [`TestIssuer::start`] is all it takes to have metadata, a key set and a token endpoint on a free port of loopback.
//! [`TestIssuer::token`] mints any token, good or [broken](Broken). Keys [rotate](TestIssuer::rotate) in every order,
//! endpoints [fail](TestIssuer::fault) in every way, requests are [counted](TestIssuer::requests), and a
//! [`ManualClock`] moves time by hand.
//!
//! ```
//! use portcullis_test::{Broken, Endpoint, Fault, TestIssuer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let issuer = TestIssuer::start().await;
//! // Configure the service under test with issuer.url(), or issuer.jwks_uri(), and issuer.audience(). Then:
//! let good = issuer.token().scope("orders:read").mint();
//! let expired = issuer.token().mint_broken(Broken::Expired);
//! for broken in Broken::ALL {
//!     let refused = issuer.token().scope("orders:read").mint_broken(*broken);
//!     // … send it: the answer must be 401 or 400.
//!     # assert_ne!(refused, good);
//! }
//! issuer.fault(Endpoint::Jwks, Fault::Hang);
//! // … `good` still passes, since the service has the keys.
//! # drop(issuer);
//!
//! // An issuer and a service of their own: the forged tokens above have used up what fetches callers may cause.
//! let issuer = TestIssuer::start().await;
//! let (old, new) = issuer.rotate();
//! // … and now a token signed with `new` must pass at once; when it has, one signed with `old` must not.
//! # assert_ne!(old.kid(), new.kid());
//! # }
//! ```
//!
//! The issuer lives on the runtime of the test that started it, so paused tokio time works, and it ends with the test.
//! Do not block that runtime: where the client is a separate process, wait for it asynchronously or take a
//! multi-threaded runtime.
//!
//! Nothing here verifies tokens, and nothing is shared with what does: the mint can be trusted to disagree.

mod answering;
mod broken;
mod builder;
mod client;
mod clock;
mod dialect;
mod encoding;
mod endpoint;
mod fault;
mod issuer;
mod key;
mod noise;
mod published;
mod record;
mod rotation;
mod server;
mod state;
mod token;

pub use broken::{Broken, BrokenKind};
pub use builder::{DEFAULT_AUDIENCE, StartError, TestIssuerBuilder};
pub use client::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET};
pub use clock::ManualClock;
pub use dialect::Dialect;
pub use endpoint::Endpoint;
pub use fault::Fault;
pub use issuer::TestIssuer;
pub use key::{SigningAlgorithm, TestKey};
pub use published::PublishedKey;
pub use record::RecordedRequest;
pub use token::TokenBuilder;
