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

//!
//! # Where layers go, and what happens elsewhere
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
//!         .route_layer(authenticate) // the routes so far
//!         .route("/livez", get(live)) // added after: open
//! }
//! # async fn list() {}
//! # async fn create() {}
//! # async fn live() {}
//! ```
//!
//! - `Router::route_layer` leaves the fallback alone, so an unknown path stays 404. `Router::layer` wraps it too:
//!   without credentials an unknown path is then 401.
//! - So a fallback that serves something, such as files or a proxy, is *open* behind `route_layer`, that of a nested router
//!   too: use `Router::layer` there.
//! - A method that a guarded path does not have is 401 without credentials, and 405 with.
//! - `MethodRouter::route_layer` wraps *every* method added so far: `get(list).post(create).route_layer(guard)` guards
//!   both. For one method, put the guard on its handler, as above.
//! - Layers of a router run last-added-first: add guards first and the authenticate layer after them. In a
//!   `ServiceBuilder` it is the other way round, top-down. Wrongly ordered, every request is answered with 500 and the
//!   reason logged.
//! - A preflight `OPTIONS` carries no credentials, so a CORS layer goes outside: added after the authenticate layer, with
//!   `Router::layer`.
//! - Two authenticate layers one behind the other, as when a nested router brings its own, are answered with 500.

mod extract;
#[cfg(feature = "axum")]
mod facts;
mod rejection;

pub use extract::{Principal, Proof, Scoped};
#[cfg(feature = "axum")]
pub use facts::facts;
pub use rejection::Rejection;
