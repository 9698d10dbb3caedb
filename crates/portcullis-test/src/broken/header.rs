//! Headers that ask for too much, or are none.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{stranger, utf16_with_mark, with_first};
use crate::{TestKey, TokenBuilder};

pub(super) fn jwk(token: TokenBuilder) -> String {
    let (token, key) = by_a_stranger(token);
    token
        .without_header("kid")
        .header("jwk", key.public_jwk())
        .mint()
}

pub(super) fn jwk_kept_kid(token: TokenBuilder) -> String {
    let key = stranger(token.key().algorithm());
    token
        .signature_by(&key)
        .header("jwk", key.public_jwk())
        .mint()
}

pub(super) fn jku(token: TokenBuilder) -> String {
    let url = format!("{}/strangers-jwks.json", token.claim_text("iss"));
    by_a_stranger(token).0.header("jku", url).mint()
}

pub(super) fn x5u(token: TokenBuilder) -> String {
    let url = format!("{}/strangers-certificate.pem", token.claim_text("iss"));
    by_a_stranger(token).0.header("x5u", url).mint()
}

pub(super) fn x5c(token: TokenBuilder) -> String {
    let (token, key) = by_a_stranger(token);
    token
        .header("x5c", json!([STANDARD.encode(key.public_der())]))
        .mint()
}

fn by_a_stranger(token: TokenBuilder) -> (TokenBuilder, TestKey) {
    let key = stranger(token.key().algorithm());
    (token.sign_with(&key), key)
}

pub(super) fn crit_unknown(token: TokenBuilder) -> String {
    token
        .header("crit", json!(["x-unknown"]))
        .header("x-unknown", true)
        .mint()
}

pub(super) fn crit_empty(token: TokenBuilder) -> String {
    token.header("crit", json!([])).mint()
}

pub(super) fn crit_text(token: TokenBuilder) -> String {
    token.header("crit", "exp").mint()
}

pub(super) fn unencoded(token: TokenBuilder) -> String {
    token
        .header("b64", false)
        .header("crit", json!(["b64"]))
        .mint()
}

pub(super) fn unencoded_silently(token: TokenBuilder) -> String {
    token.header("b64", false).mint()
}

pub(super) fn kid_traversal(token: TokenBuilder) -> String {
    token.kid("../../../../../../dev/null").mint()
}

pub(super) fn kid_sql(token: TokenBuilder) -> String {
    token.kid("' UNION SELECT 'AA' --").mint()
}

pub(super) fn kid_line_breaks(token: TokenBuilder) -> String {
    token.kid("key\r\nx-injected: yes").mint()
}

pub(super) fn kid_other_case(token: TokenBuilder) -> String {
    let swap = |c: char| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    let kid: String = token
        .key()
        .kid()
        .unwrap_or("Kid")
        .chars()
        .map(swap)
        .collect();
    token.kid(&kid).mint()
}

pub(super) fn kid_empty(token: TokenBuilder) -> String {
    token.kid("").mint()
}

pub(super) fn kid_number(token: TokenBuilder) -> String {
    token.header("kid", 1).mint()
}

pub(super) fn kid_huge(token: TokenBuilder) -> String {
    token.kid(&"k".repeat(6 * 1024)).mint()
}

pub(super) fn typ_number(token: TokenBuilder) -> String {
    token.header("typ", 9068).mint()
}

pub(super) fn duplicate_alg(token: TokenBuilder) -> String {
    let header = with_first(&token.header_bytes(), r#""alg":"none""#);
    token.raw_header(header).mint()
}

pub(super) fn duplicate_kid(token: TokenBuilder) -> String {
    let kid = token.key().kid().unwrap_or("kid").to_owned();
    let token = token.kid(&kid);
    let header = with_first(&token.header_bytes(), r#""\u006bid":"stranger""#);
    token.raw_header(header).mint()
}

pub(super) fn not_json(token: TokenBuilder) -> String {
    token.raw_header("alg=ES256").mint()
}

pub(super) fn a_list(token: TokenBuilder) -> String {
    let header = [b"[", &*token.header_bytes(), b"]"].concat();
    token.raw_header(header).mint()
}

pub(super) fn trailing(token: TokenBuilder) -> String {
    let header = [&*token.header_bytes(), b"{}"].concat();
    token.raw_header(header).mint()
}

pub(super) fn utf16(token: TokenBuilder) -> String {
    let header = utf16_with_mark(&token.header_bytes());
    token.raw_header(header).mint()
}
