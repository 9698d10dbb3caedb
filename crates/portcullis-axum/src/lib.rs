//! Extractors for axum services behind an [`AuthenticateLayer`](portcullis_core::AuthenticateLayer).
//!
//! | extractor | anonymous | known, scope missing | no layer in front |
//! |---|---|---|---|
//! | [`Principal`] | 401 | | 500 |
//! | `Option<Principal>` | `None` | | 500 |
//! | [`Scoped<R>`](Scoped) | 401 | 403 | 500 |
//! | `Option<Scoped<R>>` | `None` | 403 | 500 |
//!
//! The layers of `portcullis-core` are the primary guard and need nothing from here. An extractor comes second: a
//! [`Scoped`] in a handler's signature is proof that the check was made, however the router was put together.
//!
//! ```
//! use axum::{Router, routing::get};
//! use portcullis_axum::{Principal, Scoped};
//! use portcullis_core::scope;
//!
//! scope!(ReadOrders = "orders:read");
//!
//! async fn whoami(principal: Principal) -> String {
//!     principal.subject().unwrap_or("nobody").to_owned()
//! }
//!
//! async fn list(Scoped(caller, _): Scoped<ReadOrders>) -> String {
//!     format!("the orders of {:?}", caller.subject())
//! }
//!
//! let app: Router = Router::new().route("/whoami", get(whoami)).route("/orders", get(list));
//! // .route_layer(AuthenticateLayer::new(…)) goes here
//! ```

mod extract;
#[cfg(feature = "request-facts")]
mod facts;
mod rejection;

pub use extract::{Principal, Proof, Scoped};
#[cfg(feature = "request-facts")]
pub use facts::facts;
pub use rejection::Rejection;
