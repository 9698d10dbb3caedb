//! Extractors for axum handlers behind an [`AuthenticateLayer`](portcullis_core::AuthenticateLayer).
//!
//! | extractor | anonymous | scope missing | no layer in front |
//! |---|---|---|---|
//! | [`Caller`] | 401 | | 500 |
//! | `Option<Caller>` | `None` | | 500 |
//! | [`Scoped<R>`](Scoped) | 401 | 403 | 500 |
//! | `Option<Scoped<R>>` | `None` | 403 | 500 |
//!
//! The layers of `portcullis-core` are the primary guard and need nothing from this crate. [`Scoped`] in a handler's
//! signature proves that the scope was checked, however the router is built.
//!
//! ```
//! use axum::{Router, routing::get};
//! use portcullis_axum::{Caller, Scoped};
//! use portcullis_core::scope;
//!
//! scope!(ReadOrders = "orders:read");
//!
//! async fn whoami(caller: Caller) -> String {
//!     caller.subject().unwrap_or("nobody").to_owned()
//! }
//!
//! async fn list(Scoped(caller, _): Scoped<ReadOrders>) -> String {
//!     format!("the orders of {:?}", caller.subject())
//! }
//!
//! let app: Router = Router::new().route("/whoami", get(whoami)).route("/orders", get(list));
//! // .route_layer(AuthenticateLayer::new(…)) goes here
//! ```
//!
//! Where layers go in a router is told by the guide *Protect a route* (`portcullis::guide::protect_a_route`).

mod extract;
#[cfg(feature = "axum")]
mod fact_finders;
mod rejection;

pub use extract::{Caller, Proof, Scoped};
#[cfg(feature = "axum")]
pub use fact_finders::fact_finders;
pub use rejection::Rejection;
