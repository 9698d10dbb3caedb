//! Only verified tokens enter the cache.

use std::thread;

use http::Request;
use portcullis_core::{
    facts::FactFinders,
    scheme::{Head, Outcome, Scheme},
};
use portcullis_jose::TokenLimits;
use portcullis_jwt::{Bearer, CacheLimits};
use serde_json::{Value, json};

use crate::{
    scene::{Scene, WARM, accepted, numbered},
    support::{NOW, Signer, claims_with, signer},
};

#[test]
fn only_verified_tokens_enter() {
    let scene = Scene::usual();
    // So small that each new entry evicts another.
    let bearer = scene.bearer_of(CacheLimits::new(8, 1 << 24));
    let hot: Vec<String> = (0..8).map(|number| numbered(number, 0)).collect();
    for token in &hot {
        accepted(&bearer, token, WARM);
    }
    let before = bearer.cache_status().expect("a cache");
    assert_eq!(before.entries, 8);
    for number in 0..100 {
        for junk in junk(number) {
            for _ in 0..3 {
                assert!(!is_accepted(&bearer, &junk), "{}", junk.escape_ascii());
            }
            assert_eq!(
                bearer.cache_status(),
                Some(before),
                "{}",
                junk.escape_ascii()
            );
        }
    }
    let checked = scene.checked();
    for token in &hot {
        accepted(&bearer, token, 1);
        thread::scope(|scope| {
            scope.spawn(|| accepted(&bearer, token, 1));
        });
    }
    assert_eq!(scene.checked(), checked);
}

fn is_accepted(bearer: &Bearer, sent: &[u8]) -> bool {
    let request = Request::new(());
    let outcome = bearer.authenticate(&Head::new(&request, &FactFinders::default()), sent);
    matches!(outcome, Outcome::Done(Ok(_)))
}

fn junk(number: usize) -> Vec<Vec<u8>> {
    let with = |changes: Value| {
        let mut claims = claims_with(changes);
        claims["jti"] = format!("junk-{number}").into();
        claims
    };
    let mut junk: Vec<String> = [
        json!({"aud": "https://other.example.com"}),
        json!({"iss": "https://other.example.com"}),
        json!({"exp": NOW - 60, "iat": NOW - 300}),
        json!({"nbf": NOW + 61}),
        json!({"iat": NOW + 61}),
        json!({"exp": NOW + 1_000_000}),
        json!({"exp": null}),
        json!({"client_id": null}),
        json!({"sub": 1}),
    ]
    .map(|changes| signer().access_token(&with(changes)))
    .into();
    let good = with(json!({}));
    junk.extend([
        Signer::new(9, "key-1").access_token(&good),
        Signer::new(9, "key-9").access_token(&good),
        signer().token(Some("JWT"), &good),
        signer().token(None, &good),
        signer().sign(r#"{"alg":"none","typ":"at+jwt"}"#, &good.to_string()),
        signer().sign(
            r#"{"alg":"RS256","kid":"key-1","typ":"at+jwt"}"#,
            &good.to_string(),
        ),
        signer().sign(
            r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#,
            &number.to_string(),
        ),
        String::new(),
        number.to_string(),
        format!("a.{number}.b"),
        "x".repeat(TokenLimits::DEFAULT_TOKEN_BYTES + 1 + number),
    ]);
    let tampered = signer().access_token(&good);
    let mut all: Vec<Vec<u8>> = junk.into_iter().map(String::into_bytes).collect();
    all.push(tampered.as_bytes()[1..].to_vec());
    all.push([tampered.as_bytes(), b"\xff"].concat());
    let mut flipped = tampered.into_bytes();
    let position = number % flipped.len();
    flipped[position] ^= 1;
    all.push(flipped);
    all
}
