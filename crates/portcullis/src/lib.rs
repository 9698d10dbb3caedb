//! Machine-to-machine authentication for tower services.
//!
//! Add one layer to an axum, hyper or tonic service, and every request is known by its caller and held to its scopes:
//! `X-API-Key` checks, JWT bearer tokens verified offline against keys that refresh in the background, and scope
//! guards for each route.
//!
#![cfg_attr(
    all(feature = "remote", feature = "file", feature = "axum"),
    doc = r#"
```no_run
use axum::{Router, handler::Handler, routing::{get, post}};
use portcullis::{
    AuthenticateLayer, RequireScopeLayer, Scope,
    api_key::{ApiKeys, FileStore},
    axum::{Principal, Scoped},
    jwt::{Algorithm, Bearer},
    remote::Issuer,
    scope,
};

const READ: Scope = Scope::from_static("orders:read"); // checked by the compiler
scope!(pub WriteOrders = "orders:write");              // a constant and a type from one literal

async fn list(caller: Principal) -> String {
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
let keys = ApiKeys::new(FileStore::watch("keys.toml")?);

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
//! | feature | brings | on by default |
//! |---|---|---|
//! | `jwt` | [`jwt`]: bearer tokens, and [`jose`]: signatures and keys; no runtime needed | yes |
//! | `profile-file` | profiles of issuers as TOML: `jwt::Profile::from_toml` | no |
//! | `remote` | [`remote`]: issuers' keys kept fresh, on tokio | yes |
//! | `api-key` | [`api_key`]: API keys in memory or a store of your own | yes |
//! | `file` | API keys in a file that reloads itself | yes |
//! | `client` | `client`: tokens for outgoing calls, and layers that send them | no |
//! | `reqwest-middleware` | the same for reqwest | no |
//! | `axum` | `axum`: extractors | no |
//! | `jsonwebtoken` | a second backend for [`jose`], and conversions from the types of that crate | no |
//!
//! A feature has the same name here and in the crate behind it.
//!
//! This crate holds no logic: it re-exports `portcullis-core` at its root and the other crates as modules.
//! For tests of your own there is `portcullis-test`, an issuer in-process with every fault it can have.

pub use portcullis_core::*;

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
#[cfg(feature = "remote")]
pub use portcullis_remote as remote;

/// The examples in `README.md` compile.
#[cfg(all(
    doctest,
    feature = "reqwest-middleware",
    feature = "remote",
    feature = "file",
    feature = "axum"
))]
#[doc = include_str!("../../../README.md")]
struct Readme;
