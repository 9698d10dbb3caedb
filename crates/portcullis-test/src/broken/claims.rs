//! Genuine tokens for somebody else, from somebody else, or of another time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::TokenBuilder;

const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn expired(token: TokenBuilder) -> String {
    let now = token.now();
    token
        .issued_at(now.saturating_sub(HOUR * 2))
        .expires_at(now.saturating_sub(HOUR))
        .mint()
}

pub(super) fn not_yet_valid(token: TokenBuilder) -> String {
    let from = token.now().saturating_add(HOUR);
    token
        .not_before(from)
        .expires_at(from.saturating_add(HOUR))
        .mint()
}

pub(super) fn exp_absent(token: TokenBuilder) -> String {
    token.without_claim("exp").mint()
}

pub(super) fn exp_null(token: TokenBuilder) -> String {
    token.claim("exp", Value::Null).mint()
}

pub(super) fn exp_text(token: TokenBuilder) -> String {
    let exp = token.now().saturating_add(HOUR).as_secs();
    token.claim("exp", exp.to_string()).mint()
}

pub(super) fn exp_negative(token: TokenBuilder) -> String {
    token.claim("exp", -1).mint()
}

pub(super) fn exp_overflow(token: TokenBuilder) -> String {
    token.claim("exp", 1e300).mint()
}

pub(super) fn nbf_text(token: TokenBuilder) -> String {
    let nbf = token.now().saturating_sub(HOUR).as_secs();
    token.claim("nbf", nbf.to_string()).mint()
}

pub(super) fn iat_text(token: TokenBuilder) -> String {
    let iat = token.now().as_secs();
    token.claim("iat", iat.to_string()).mint()
}

pub(super) fn issuer_absent(token: TokenBuilder) -> String {
    token.without_claim("iss").mint()
}

pub(super) fn issuer_other(token: TokenBuilder) -> String {
    token.claim("iss", "https://other.example.com").mint()
}

pub(super) fn issuer_suffixed(token: TokenBuilder) -> String {
    changed(token, "iss", |issuer| {
        format!("{issuer}.example.net").into()
    })
}

pub(super) fn issuer_trailing_slash(token: TokenBuilder) -> String {
    changed(token, "iss", |issuer| format!("{issuer}/").into())
}

pub(super) fn issuer_upper_case(token: TokenBuilder) -> String {
    changed(token, "iss", |issuer| issuer.to_uppercase().into())
}

pub(super) fn issuer_list(token: TokenBuilder) -> String {
    changed(token, "iss", |issuer| json!([issuer]))
}

pub(super) fn issuer_number(token: TokenBuilder) -> String {
    token.claim("iss", 127).mint()
}

pub(super) fn audience_absent(token: TokenBuilder) -> String {
    token.without_claim("aud").mint()
}

pub(super) fn audience_other(token: TokenBuilder) -> String {
    token.audience("https://other.example.com").mint()
}

pub(super) fn audience_suffixed(token: TokenBuilder) -> String {
    changed(token, "aud", |audience| format!("{audience}/more").into())
}

pub(super) fn audience_prefix(token: TokenBuilder) -> String {
    changed(token, "aud", |audience| {
        let end = audience
            .char_indices()
            .next_back()
            .map_or(0, |(last, _)| last);
        audience[..end].into()
    })
}

pub(super) fn audience_upper_case(token: TokenBuilder) -> String {
    changed(token, "aud", |audience| audience.to_uppercase().into())
}

pub(super) fn audience_empty_list(token: TokenBuilder) -> String {
    token.claim("aud", json!([])).mint()
}

pub(super) fn audience_number(token: TokenBuilder) -> String {
    token.claim("aud", 42).mint()
}

pub(super) fn audience_nested(token: TokenBuilder) -> String {
    changed(token, "aud", |audience| json!([[audience]]))
}

pub(super) fn audience_object(token: TokenBuilder) -> String {
    changed(token, "aud", |audience| json!({ audience: audience }))
}

pub(super) fn audience_mixed(token: TokenBuilder) -> String {
    changed(token, "aud", |audience| json!([audience, 7]))
}

/// With a claim, which is text, made something else.
fn changed(token: TokenBuilder, claim: &str, change: impl FnOnce(&str) -> Value) -> String {
    let value = change(token.claim_text(claim));
    token.claim(claim, value).mint()
}
