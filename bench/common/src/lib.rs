//! What the benchmarks share: interleaved timing, Markdown tables, keys, tokens, requests, and a service that does
//! nothing.
//!
//! Every benchmark prints its results as Markdown on standard output. `--quick` measures briefly, to see that all works.

mod measure;
mod table;

use std::{
    convert::Infallible,
    env,
    future::{Ready, ready},
    task::{Context, Poll},
};

use axum::body::Body;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use portcullis_core::clock::{Clock, SystemClock};
use portcullis_jose::{Algorithm, KeySet};
use portcullis_jwt::{Bearer, BearerBuilder, IssuerKeys};
use portcullis_test::{SigningAlgorithm, TestKey, TokenBuilder};
use tower::Service;

pub use measure::{Contender, measure, median, serve};
pub use table::{Table, grouped};

/// The issuer of all tokens.
pub const ISSUER: &str = "https://issuer.example.com";
/// The audience of all tokens.
pub const AUDIENCE: &str = "https://orders.example.com";
/// The scopes that tokens and API keys grant.
pub const SCOPES: &str = "orders:read orders:write reports:read";

/// The algorithms that are compared.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Whether `--quick` was given.
#[must_use]
pub fn is_quick() -> bool {
    env::args().any(|argument| argument == "--quick")
}

/// A key pair and its algorithm.
#[derive(Clone)]
pub struct Signer {
    /// The algorithm, as the verifier names it.
    pub algorithm: Algorithm,
    /// The key pair; its `kid` is the thumbprint.
    pub key: TestKey,
}

impl Signer {
    /// Generates a key pair.
    ///
    /// # Panics
    /// For an algorithm outside [`ALGORITHMS`].
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

    /// The key set that the issuer publishes.
    pub fn jwks(&self) -> String {
        serde_json::json!({ "keys": [self.key.public_jwk()] }).to_string()
    }

    /// A new token of the usual size: about 800 bytes with RS256.
    pub fn token(&self) -> String {
        self.builder().mint()
    }

    /// A builder for such tokens.
    pub fn builder(&self) -> TokenBuilder {
        TokenBuilder::new(ISSUER, &self.key, SystemClock.now())
            .audience(AUDIENCE)
            .scope(SCOPES)
            .client_id("6f1c8f0e-billing-worker")
            .subject("6f1c8f0e-billing-worker")
    }

    /// A bearer scheme that accepts the tokens of [`ISSUER`] by these keys.
    ///
    /// # Panics
    /// If the key set is not usable.
    pub fn bearer(&self, jwks: &str) -> BearerBuilder {
        let keys = KeySet::parse(jwks.as_bytes()).expect("a usable set");
        let keys = IssuerKeys::fixed(ISSUER, keys).expect("an issuer");
        Bearer::jwt(&keys)
            .audience(AUDIENCE)
            .algorithms([self.algorithm])
    }
}

/// A request with a bearer token.
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

/// The service that does nothing: the baseline.
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
