//! Scopes in a token: as many as two hundred, of which a guard asks for the last.

use portcullis_bench_suite::{Bare, Signer, with_token};
use portcullis_core::{AuthenticateLayer, RequireScopeLayer, Scope};
use portcullis_jwt::Algorithm;
use tower::Layer;

use crate::cases::{Case, Effort, Growth};

/// How many scopes there are. Two hundred of them make a token of some five thousand bytes.
const SIZES: [usize; 4] = [1, 10, 50, 200];

/// Measures them.
///
/// # Panics
///
/// If the token is refused.
#[must_use]
pub fn measure(effort: Effort) -> Growth {
    let signer = Signer::new(Algorithm::ES256);
    let mut cases = Vec::new();
    for size in SIZES {
        let names: Vec<String> = (0..size).map(|at| format!("service{at:03}:read")).collect();
        let last = Scope::parse(&names[size - 1]).expect("a scope");
        let token = signer.builder().scope(&names.join(" ")).mint();
        for (variant, bearer) in [
            ("ES256 warm, with guard", signer.bearer()),
            (
                "ES256 cold, with guard",
                signer.bearer().without_token_cache(),
            ),
        ] {
            let guard = RequireScopeLayer::all([last.clone()]);
            let layer = AuthenticateLayer::new(bearer.build().expect("nothing is missing"));
            let token = vec![token.clone()];
            let service = layer.layer(guard.layer(Bare));
            cases.push(Case::new(variant, size, service, token, with_token));
        }
        // What a longer token alone costs: its memory is given back within the call.
        cases.push(Case::new(
            "bare, same token",
            size,
            Bare,
            vec![token],
            with_token,
        ));
    }
    let token = signer.token();
    Growth::measure(
        "Scopes in a token",
        effort,
        move || with_token(&token),
        cases,
    )
}
