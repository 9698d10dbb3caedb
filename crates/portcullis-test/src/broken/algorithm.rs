//! Algorithms that are not the key's.

use serde_json::json;

use crate::{SigningAlgorithm, TestKey, TokenBuilder};

pub(super) fn none(token: TokenBuilder) -> String {
    unsigned(token, "none")
}

pub(super) fn none_capitalised(token: TokenBuilder) -> String {
    unsigned(token, "None")
}

pub(super) fn none_upper_case(token: TokenBuilder) -> String {
    unsigned(token, "NONE")
}

pub(super) fn none_mixed_case(token: TokenBuilder) -> String {
    unsigned(token, "nOnE")
}

pub(super) fn none_padded(token: TokenBuilder) -> String {
    unsigned(token, "none ")
}

pub(super) fn none_signed(token: TokenBuilder) -> String {
    token.alg("none").mint()
}

fn unsigned(token: TokenBuilder, alg: &str) -> String {
    token.alg(alg).map_signature(|_| Vec::new()).mint()
}

pub(super) fn absent(token: TokenBuilder) -> String {
    token.without_header("alg").mint()
}

pub(super) fn empty(token: TokenBuilder) -> String {
    token.alg("").mint()
}

pub(super) fn number(token: TokenBuilder) -> String {
    token.header("alg", 256).mint()
}

pub(super) fn list(token: TokenBuilder) -> String {
    let alg = token.key().algorithm().as_str();
    token.header("alg", json!([alg])).mint()
}

pub(super) fn lower_case(token: TokenBuilder) -> String {
    let alg = token.key().algorithm().as_str().to_lowercase();
    token.alg(&alg).mint()
}

pub(super) fn unknown(token: TokenBuilder) -> String {
    token.alg("XS256").mint()
}

pub(super) fn other(token: TokenBuilder) -> String {
    use SigningAlgorithm::{
        ES256, ES384, ES512, Ed25519, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256,
        RS384, RS512,
    };
    let other = match token.key().algorithm() {
        RS256 => RS512,
        RS384 | RS512 | PS256 => RS256,
        PS384 | PS512 => PS256,
        ES256 => ES384,
        ES384 | ES512 | EdDSA | Ed25519 => ES256,
        HS256 => HS512,
        HS384 | HS512 => HS256,
    };
    token.alg(other.as_str()).mint()
}

pub(super) fn hmac_with_pem(token: TokenBuilder) -> String {
    let pem = token.key().public_pem();
    hmac(token, pem)
}

pub(super) fn hmac_with_trimmed_pem(token: TokenBuilder) -> String {
    let pem = token.key().public_pem();
    hmac(token, pem.trim_end())
}

pub(super) fn hmac_with_der(token: TokenBuilder) -> String {
    let der = token.key().public_der();
    hmac(token, der)
}

pub(super) fn hmac_with_jwk(token: TokenBuilder) -> String {
    let jwk = token.key().public_jwk().to_string();
    hmac(token, jwk)
}

pub(super) fn hmac_with_kid(token: TokenBuilder) -> String {
    let kid = token.key().kid().unwrap_or_default().to_owned();
    hmac(token, kid)
}

pub(super) fn hmac_with_nothing(token: TokenBuilder) -> String {
    hmac(token, "")
}

fn hmac(token: TokenBuilder, secret: impl Into<Vec<u8>>) -> String {
    let key = TestKey::hmac(SigningAlgorithm::HS256, secret);
    token.alg("HS256").signature_by(&key).mint()
}
