//! Claims that are no JSON object to rely on.

use super::{utf16_with_mark, with_first};
use crate::TokenBuilder;

pub(super) fn not_json(token: TokenBuilder) -> String {
    token
        .raw_payload("sub=test-client&scope=orders:read")
        .mint()
}

pub(super) fn list(token: TokenBuilder) -> String {
    rewritten(token, |claims| [b"[", claims, b"]"].concat())
}

pub(super) fn text(token: TokenBuilder) -> String {
    rewritten(token, |claims| {
        let text = String::from_utf8_lossy(claims);
        serde_json::Value::from(text).to_string().into_bytes()
    })
}

pub(super) fn null(token: TokenBuilder) -> String {
    token.raw_payload("null").mint()
}

pub(super) fn trailing(token: TokenBuilder) -> String {
    rewritten(token, |claims| [claims, b"{}"].concat())
}

pub(super) fn trailing_comma(token: TokenBuilder) -> String {
    rewritten(token, |claims| {
        [&claims[..claims.len() - 1], b",}"].concat()
    })
}

pub(super) fn comment(token: TokenBuilder) -> String {
    rewritten(token, |claims| [b"{/* harmless */", &claims[1..]].concat())
}

pub(super) fn nan(token: TokenBuilder) -> String {
    with_member(token, r#""x":NaN"#)
}

pub(super) fn utf16(token: TokenBuilder) -> String {
    rewritten(token, utf16_with_mark)
}

pub(super) fn byte_order_mark(token: TokenBuilder) -> String {
    rewritten(token, |claims| [b"\xef\xbb\xbf", claims].concat())
}

pub(super) fn not_utf8(token: TokenBuilder) -> String {
    rewritten(token.without_claim("sub"), |claims| {
        [b"{\"sub\":\"caf\xe9\",", &claims[1..]].concat()
    })
}

pub(super) fn lone_surrogate(token: TokenBuilder) -> String {
    with_member(token.without_claim("sub"), r#""sub":"half \ud83d of it""#)
}

pub(super) fn control_character(token: TokenBuilder) -> String {
    with_member(token.without_claim("sub"), "\"sub\":\"line\nbreak\"")
}

pub(super) fn deep(token: TokenBuilder) -> String {
    const DEPTH: usize = 1500;
    let nested = format!("\"x\":{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    with_member(token, &nested)
}

pub(super) fn duplicate_issuer(token: TokenBuilder) -> String {
    with_member(token, r#""iss":"https://other.example.com""#)
}

pub(super) fn duplicate_scope(token: TokenBuilder) -> String {
    with_member(token.scope("orders:read"), r#""scope":"orders:admin""#)
}

pub(super) fn duplicate_escaped(token: TokenBuilder) -> String {
    with_member(token, r#""\u0065xp":4102444800"#)
}

pub(super) fn duplicate_unknown(token: TokenBuilder) -> String {
    with_member(token, r#""x":1,"x":2"#)
}

fn with_member(token: TokenBuilder, member: &str) -> String {
    rewritten(token, |claims| with_first(claims, member))
}

fn rewritten(token: TokenBuilder, change: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let claims = change(&token.payload_bytes());
    token.raw_payload(claims).mint()
}
