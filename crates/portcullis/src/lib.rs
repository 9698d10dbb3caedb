//! Machine-to-machine authentication for tower services.
//!
//! One layer on an axum, hyper or tonic service authenticates each request, by API key (`X-API-Key`) or by a JWT bearer
//! token that is verified offline, with keys that refresh in the background. Guards check scopes for each route.
//!
#![cfg_attr(
    all(feature = "remote", feature = "file", feature = "axum"),
    doc = r#"
```no_run
use axum::{Router, handler::Handler, routing::{get, post}};
use portcullis::{
    AuthenticateLayer, RequireScopeLayer, Scope,
    api_key::{ApiKeys, FileStore},
    axum::{Caller, Scoped},
    jwt::{Algorithm, Bearer},
    remote::Issuer,
    scope,
};

const READ: Scope = Scope::from_static("orders:read"); // checked by the compiler
scope!(pub WriteOrders = "orders:write");              // a constant and a type from one literal

async fn list(caller: Caller) -> String {
    format!("the orders {:?} may see", caller.subject())
}

async fn create(Scoped(caller, _): Scoped<WriteOrders>) -> String { // the signature is the guard
    format!("created for {:?}", caller.subject())
}

# async fn f() -> Result<(), Box<dyn std::error::Error>> {
let issuer = Issuer::discover("https://issuer.example.com").start().await?;
let bearer = Bearer::jwt(&issuer)
    .audience("https://orders.example.com")
    .algorithms([Algorithm::ES256])
    .build()?;
let keys = ApiKeys::new(FileStore::watch("keys.toml").await?);

let app: Router = Router::new()
    .route("/orders", get(list.layer(RequireScopeLayer::all([READ]))).post(create))
    .route_layer(AuthenticateLayer::any_of((bearer, keys))?) // route_layer: an unknown path stays 404
    .route("/livez", get(async || "alive"));                 // added after: open
# Ok(())
# }
```
"#
)]
//! # Features
//!
//! | feature | adds | default | needs tokio |
//! |---|---|---|---|
//! | `jwt` | [`jwt`]: bearer tokens, verified offline; [`jose`]: signatures and keys | yes | no |
//! | `profile-file` | profiles of issuers as TOML: `jwt::Profile::from_toml` | no | no |
//! | `jsonwebtoken` | a second verification backend for [`jose`], and conversions from the types of that crate, whose crypto provider you choose | no | no |
//! | `remote` | [`remote`]: the keys of issuers, fetched and refreshed in the background; implies `jwt` | yes | yes |
//! | `api-key` | [`api_key`]: API keys in memory or in a store of your own | yes | no |
//! | `file` | API keys in a file that is reloaded when it changes; implies `api-key` | yes | yes |
//! | `cached` | a cache in front of API keys in a database; implies `api-key` | no | yes |
//! | `limit` | limits of API keys, counted in the process; implies `api-key` | no | no |
//! | `redis` | `redis`: limits that all instances share, and news of changed keys, over Redis; implies `limit` | no | yes |
//! | `sqlite` | `sql`: API keys in a SQLite file; implies `api-key` | no | yes |
//! | `postgres` | `sql`: API keys in PostgreSQL; implies `api-key` | no | yes |
//! | `client` | `client`: tokens for outgoing calls, and layers that send them | no | yes |
//! | `reqwest-middleware` | `client` for reqwest, through the `reqwest-middleware` crate; implies `client` | no | yes |
//! | `axum` | `axum`: extractors, and axum's places for the facts of a request | no | no |
//! | `admin` | `admin`: routes to manage API keys over HTTP; implies `api-key` and `axum` | no | yes |
//! | `introspection` | `admin`: a store that checks API keys by another service's introspection; implies `api-key` and `client` | no | yes |
//! | `full` | all of the above | no | yes |
//!
//! A feature has the same name in the crate that provides it. Features add items and never change behaviour.
//!
//! # Modules
//!
//! The root holds what a service uses: layers, scopes, the principal. The other modules of `portcullis-core`:
//!
//! - [`scheme`]: the traits and types for a scheme of your own
//! - [`facts`]: where a request's peer address, original target and route are found
//! - [`clock`]: the time, passed in
//! - [`log`]: escaping and masking of text for logs
//! - [`service`]: the types behind the layers
//!
//! For your tests there is `portcullis-test`: an in-process issuer that can fail in every way.

#[cfg(all(any(doc, doctest), feature = "full"))]
pub mod guide;

pub use portcullis_core::{
    Anonymous, AuthenticateLayer, Authentication, ConfigError, FailureKind, Principal,
    PrincipalKind, Refusal, RenderedBody, RequireMachineLayer, RequireScopeLayer, Scope,
    ScopePolicy, ScopeRequirement, ScopeSet, ScopesByPath, Secret, clock, facts, log, scheme,
    scope, service,
};

#[cfg(any(feature = "admin", feature = "introspection"))]
pub use portcullis_admin as admin;
#[cfg(feature = "api-key")]
pub use portcullis_api_key as api_key;
#[cfg(feature = "axum")]
pub use portcullis_axum as axum;
#[cfg(feature = "client")]
pub use portcullis_client as client;
#[cfg(feature = "jwt")]
pub use portcullis_jose as jose;
#[cfg(feature = "jwt")]
pub use portcullis_jwt as jwt;
#[cfg(any(feature = "client", feature = "remote"))]
pub use portcullis_oauth as oauth;
#[cfg(feature = "redis")]
pub use portcullis_redis as redis;
#[cfg(feature = "remote")]
pub use portcullis_remote as remote;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use portcullis_sql as sql;

/// The examples in `README.md` compile.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct Readme;
