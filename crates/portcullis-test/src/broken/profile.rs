//! Genuine tokens that are no access tokens after RFC 9068, or beyond this suite's limits.

use std::time::Duration;

use serde_json::json;

use super::stranger;
use crate::{SigningAlgorithm, TokenBuilder};

pub(super) fn id_token(token: TokenBuilder) -> String {
    let now = token.now().as_secs();
    token
        .typ("JWT")
        .claim("nonce", "n-0S6_WzA2Mj")
        .claim("auth_time", now)
        .claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ")
        .mint()
}

pub(super) fn typ_absent(token: TokenBuilder) -> String {
    token.without_header("typ").mint()
}

pub(super) fn logout_token(token: TokenBuilder) -> String {
    let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    token.typ("logout+jwt").claim("events", events).mint()
}

pub(super) fn dpop_proof(token: TokenBuilder) -> String {
    token
        .typ("dpop+jwt")
        .claim("htm", "GET")
        .claim("htu", "https://orders.example.com/orders")
        .mint()
}

pub(super) fn bound(token: TokenBuilder) -> String {
    let thumbprint = stranger(SigningAlgorithm::ES256).thumbprint();
    token.cnf(json!({ "jkt": thumbprint })).mint()
}

pub(super) fn subject_absent(token: TokenBuilder) -> String {
    token.without_claim("sub").mint()
}

pub(super) fn client_id_absent(token: TokenBuilder) -> String {
    token.without_claim("client_id").mint()
}

pub(super) fn jti_absent(token: TokenBuilder) -> String {
    token.without_claim("jti").mint()
}

pub(super) fn iat_absent(token: TokenBuilder) -> String {
    token.without_claim("iat").mint()
}

pub(super) fn exp_milliseconds(token: TokenBuilder) -> String {
    let exp = token.now().saturating_add(Duration::from_secs(300));
    token
        .claim("exp", exp.as_secs().saturating_mul(1000))
        .mint()
}

pub(super) fn long_lived(token: TokenBuilder) -> String {
    token
        .expires_in(Duration::from_secs(10 * 365 * 86_400))
        .mint()
}

pub(super) fn oversized(token: TokenBuilder) -> String {
    token.claim("pad", "x".repeat(8 * 1024)).mint()
}
