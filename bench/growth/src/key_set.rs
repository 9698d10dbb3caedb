//! Keys in one issuer's set: as many as a set may have.

use portcullis_bench_suite::{AUDIENCE, Bare, ISSUER, Signer, with_token};
use portcullis_core::AuthenticateLayer;
use portcullis_jose::KeySet;
use portcullis_jwt::{Algorithm, Bearer, IssuerKeys};
use tower::Layer;

use crate::cases::{Case, Effort, Growth};

/// How many keys there are.
const SIZES: [usize; 4] = [1, 4, 16, KeySet::MAX_KEYS];

/// Measures them, the token naming the key that comes last.
///
/// # Panics
///
/// If the token is refused.
#[must_use]
pub fn measure(effort: Effort) -> Growth {
    let signer = Signer::new(Algorithm::ES256);
    let token = signer.token();
    let mut cases = Vec::new();
    for size in SIZES {
        let mut keys: Vec<_> = (1..size)
            .map(|_| Signer::new(Algorithm::ES256).key().public_jwk())
            .collect();
        keys.push(signer.key().public_jwk());
        let jwks = serde_json::json!({ "keys": keys }).to_string();
        let keys = KeySet::parse(jwks.as_bytes()).expect("a usable set");
        let issuer = IssuerKeys::fixed(ISSUER, keys).expect("an issuer");
        let bearer = || {
            Bearer::jwt(&issuer)
                .audience(AUDIENCE)
                .algorithms([Algorithm::ES256])
        };
        for (variant, bearer) in [
            ("ES256 warm", bearer()),
            ("ES256 cold", bearer().without_token_cache()),
        ] {
            let layer = AuthenticateLayer::new(bearer.build().expect("nothing is missing"));
            let token = vec![token.clone()];
            cases.push(Case::new(
                variant,
                size,
                layer.layer(Bare),
                token,
                with_token,
            ));
        }
    }
    Growth::measure("Keys in a set", effort, move || with_token(&token), cases)
}
