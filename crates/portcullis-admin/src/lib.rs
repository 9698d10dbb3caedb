//! Routes to manage API keys over HTTP, and to check keys for services without the store.
//!
//! `KeyAdmin` (feature `admin`, on by default) builds an axum `Router` over any
//! [`KeyManager`](portcullis_api_key::KeyManager):
//!
//! | route | scope | does |
//! |---|---|---|
//! | `GET /` | `keys:read` | a page of keys |
//! | `POST /` | `keys:write` | creates a key |
//! | `GET /{id}` | `keys:read` | shows a key |
//! | `POST /{id}/rotate` | `keys:write` | creates a key's successor |
//! | `POST /{id}/revoke` | `keys:write` | revokes a key |
//! | `POST /introspect` | `keys:introspect` | checks a key that another service got (RFC 7662), if configured |
//! | `GET /openapi.json` | | the description of these routes (OpenAPI 3.1) |
//!
//! `keys:read` and `keys:write` are for the keys whose owner is the caller's subject. `keys:admin` is for the keys of all
//! owners, and includes the other scopes. Without it, nobody grants a scope that they lack, and another owner's key answers 404.
//!
#![cfg_attr(feature = "admin", doc = "```")]
#![cfg_attr(not(feature = "admin"), doc = "```ignore")]
//! use std::sync::Arc;
//!
//! use axum::Router;
//! use portcullis_admin::KeyAdmin;
//! use portcullis_api_key::{ApiKeys, MemoryStore};
//! use portcullis_core::AuthenticateLayer;
//!
//! let store = MemoryStore::new();
//! let keys = ApiKeys::new(store.clone());
//! let admin = KeyAdmin::new(Arc::new(store))
//!     .authenticate(AuthenticateLayer::new(keys.clone()))
//!     .introspection(keys)
//!     .build()?;
//! let app: Router = Router::new().nest("/admin/keys", admin);
//! # Ok::<_, portcullis_core::ConfigError>(())
//! ```
//!
//! Errors are problem documents (RFC 9457). Bodies are JSON objects of at most 16 KiB. Every change is logged at `info`.
//!
//! `IntrospectionStore` (feature `introspection`) is the other end of `/introspect`: a [`KeyStore`](portcullis_api_key::KeyStore) for a
//! service that cannot read the store.

#[cfg(feature = "introspection")]
mod client;
#[cfg(feature = "admin")]
mod router;

#[cfg(feature = "introspection")]
pub use self::client::{IntrospectionStore, IntrospectionStoreBuilder, IntrospectionStoreStatus};
#[cfg(feature = "admin")]
pub use self::router::{ADMIN_KEYS, INTROSPECT_KEYS, KeyAdmin, READ_KEYS, WRITE_KEYS};
