//! Issuers behind one scheme: as many as a thousand.

use std::time::Duration;

use portcullis_bench_suite::{AUDIENCE, Bare, SCOPES, with_token};
use portcullis_core::{AuthenticateLayer, Clock, SystemClock};
use portcullis_jose::KeySet;
use portcullis_jwt::{Algorithm, Bearer, IssuerKeys, JwtVerifier, TrustedIssuers};
use portcullis_test::{SigningAlgorithm, TestKey, TokenBuilder};
use tower::Layer;

use crate::cases::{Case, Effort, Growth};

/// How many issuers there are.
const SIZES: [usize; 4] = [1, 10, 100, 1_000];
/// Longer than a run takes.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// An issuer with a key of its own, and a token of it.
fn issuer(number: usize) -> (JwtVerifier, String) {
    let url = format!("https://issuer-{number}.example.com");
    let key = TestKey::generate(SigningAlgorithm::ES256);
    let jwks = serde_json::json!({ "keys": [key.public_jwk()] }).to_string();
    let keys = KeySet::parse(jwks.as_bytes()).expect("a usable set");
    let keys = IssuerKeys::fixed(&url, keys).expect("an issuer");
    let verifier = JwtVerifier::of(&keys)
        .audience(AUDIENCE)
        .algorithms([Algorithm::ES256])
        .build()
        .expect("nothing is missing");
    let token = TokenBuilder::new(&url, &key, SystemClock.now())
        .audience(AUDIENCE)
        .scope(SCOPES)
        .expires_in(LIFETIME)
        .mint();
    (verifier, token)
}

/// Measures them, with one token that repeats, and with one token of each issuer in turn.
///
/// # Panics
///
/// If tokens are refused.
#[must_use]
pub fn measure(effort: Effort) -> Growth {
    let mut cases = Vec::new();
    let mut first = String::new();
    for size in SIZES {
        let (verifiers, tokens): (Vec<_>, Vec<_>) = (0..size).map(issuer).unzip();
        let issuers = TrustedIssuers::new(verifiers).expect("issuers that differ");
        for (one, all, cached) in [
            ("ES256 warm, one token", "ES256 warm, all in turn", true),
            ("ES256 cold, one token", "ES256 cold, all in turn", false),
        ] {
            let bearer = Bearer::trusting(&issuers);
            let bearer = if cached {
                bearer
            } else {
                bearer.without_token_cache()
            };
            let layer = AuthenticateLayer::new(bearer.build().expect("nothing is missing"));
            let token = tokens[size - 1].clone();
            cases.push(Case::new(
                one,
                size,
                layer.layer(Bare),
                vec![token],
                with_token,
            ));
            let tokens = tokens.clone();
            cases.push(Case::new(all, size, layer.layer(Bare), tokens, with_token));
        }
        first.clone_from(&tokens[0]);
    }
    Growth::measure("Issuers", effort, move || with_token(&first), cases)
}
