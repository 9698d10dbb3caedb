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
//! # Where to add the layers
//!
//! ```
//! use axum::{Router, handler::Handler, routing::get};
//! use portcullis_core::{AuthenticateLayer, RequireScopeLayer, Scope};
//!
//! const READ: Scope = Scope::from_static("orders:read");
//! const WRITE: Scope = Scope::from_static("orders:write");
//!
//! fn app(authenticate: AuthenticateLayer) -> Router {
//!     Router::new()
//!         .route(
//!             "/orders",
//!             get(list.layer(RequireScopeLayer::all([READ])))
//!                 .post(create.layer(RequireScopeLayer::all([WRITE]))),
//!         )
//!         .route_layer(authenticate) // guards the routes added so far
//!         .route("/livez", get(live)) // added after: open
//! }
//! # async fn list() {}
//! # async fn create() {}
//! # async fn live() {}
//! ```
//!
//! - `Router::route_layer` does not wrap the fallback, so an unknown path stays 404. `Router::layer` wraps it too: an
//!   unknown path without credentials is then 401.
//! - A fallback that serves files or proxies is therefore *open* behind `route_layer`, also that of a nested router: use
//!   `Router::layer` there.
//! - A method that a guarded path does not support is 401 without credentials, and 405 with them.
//! - `MethodRouter::route_layer` wraps *every* method added so far: `get(list).post(create).route_layer(guard)` guards
//!   both. To guard one method, add the guard to its handler, as above.
//! - The layers of a router run last-added-first: add guards first, then the authenticate layer. A `ServiceBuilder` runs
//!   them top-down. In the wrong order every request is answered with 500, and the log says why.
//! - A preflight `OPTIONS` has no credentials, so add the CORS layer outside: after the authenticate layer, with
//!   `Router::layer`.
//! - Two authenticate layers in a row, such as when a nested router adds its own, are answered with 500.

mod extract;
#[cfg(feature = "axum")]
mod facts;
mod rejection;

pub use extract::{Caller, Proof, Scoped};
#[cfg(feature = "axum")]
pub use facts::facts;
pub use rejection::Rejection;
