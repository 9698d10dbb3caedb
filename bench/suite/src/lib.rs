//! What the measurements of the suite's own paths are made of: keys, tokens, requests, services.

mod floor;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use axum::body::Body;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use portcullis_core::{Clock, ScopeSet, SystemClock};
use portcullis_jose::KeySet;
use portcullis_jwt::{Algorithm, Bearer, BearerBuilder, IssuerKeys};
use portcullis_test::{SigningAlgorithm, TestKey, TokenBuilder};
use tower::Service;

pub use floor::{FloorLayer, FloorService};

/// The issuer of all tokens here.
pub const ISSUER: &str = "https://issuer.example.com";
/// Whom they are meant for.
pub const AUDIENCE: &str = "https://orders.example.com";
/// What they grant.
pub const SCOPES: &str = "orders:read orders:write reports:read";

/// A key pair, and the algorithm under both of its names.
#[derive(Clone)]
pub struct Signer {
    /// As the verifier names it.
    pub algorithm: Algorithm,
    key: TestKey,
}

impl Signer {
    /// A new one, its `kid` being the thumbprint.
    pub fn new(algorithm: Algorithm) -> Self {
        let signing = match algorithm {
            Algorithm::RS256 => SigningAlgorithm::RS256,
            Algorithm::ES256 => SigningAlgorithm::ES256,
            Algorithm::EdDSA => SigningAlgorithm::EdDSA,
            other => panic!("{other} is not measured"),
        };
        Self {
            algorithm,
            key: TestKey::generate(signing),
        }
    }

    /// The key pair.
    pub fn key(&self) -> &TestKey {
        &self.key
    }

    /// The set that the issuer publishes.
    pub fn jwks(&self) -> String {
        serde_json::json!({ "keys": [self.key.public_jwk()] }).to_string()
    }

    /// A token that has not been made before: such as an authorization server issues, of some 800 bytes in RS256.
    pub fn token(&self) -> String {
        self.builder().mint()
    }

    /// The same, to be changed.
    pub fn builder(&self) -> TokenBuilder {
        TokenBuilder::new(ISSUER, &self.key, SystemClock.now())
            .audience(AUDIENCE)
            .scope(SCOPES)
            .client_id("6f1c8f0e-billing-worker")
            .subject("6f1c8f0e-billing-worker")
    }

    /// The scheme that accepts its tokens.
    pub fn bearer(&self) -> BearerBuilder {
        let keys = KeySet::parse(self.jwks().as_bytes()).expect("a usable set");
        let keys = IssuerKeys::fixed(ISSUER, keys).expect("an issuer");
        Bearer::jwt(&keys)
            .audience(AUDIENCE)
            .algorithms([self.algorithm])
    }
}

/// The scopes that keys are granted.
pub fn scopes() -> ScopeSet {
    ScopeSet::parse(SCOPES)
}

/// A request with a bearer token, in a buffer of its own as a server would have it.
pub fn with_token(token: &str) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header value");
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// A request with an API key.
pub fn with_key(key: &str) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    let value = HeaderValue::from_str(key).expect("a header value");
    request.headers_mut().insert("x-api-key", value);
    request
}

/// Gives one of `texts` after the other.
pub fn in_turn(texts: Vec<String>) -> impl FnMut() -> String {
    let mut next = 0;
    move || {
        next = (next + 1) % texts.len();
        texts[next].clone()
    }
}

/// The service that costs nothing: what everything is measured over.
#[derive(Clone, Copy, Debug)]
pub struct Bare;

impl<B> Service<Request<B>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}
