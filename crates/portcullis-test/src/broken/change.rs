//! Changes that broken tokens are made by.

use std::iter::once;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    SigningAlgorithm::{self, *},
    TestKey, TokenBuilder,
    encoding::base64url,
    token::Parts,
};

/// A key that the issuer never published.
pub(super) fn stranger(algorithm: SigningAlgorithm) -> TestKey {
    TestKey::shared(algorithm, usize::MAX - 1)
}

/// The token signed by a stranger, whose `alg` and `kid` the header names.
pub(super) fn by_stranger(token: TokenBuilder) -> (TokenBuilder, TestKey) {
    let key = stranger(token.key().algorithm());
    (token.sign_with(&key), key)
}

/// Without a signature.
pub(super) fn unsigned(token: TokenBuilder, alg: &str) -> String {
    swapped(token.alg(alg).parts(), |parts| parts.signature.clear())
}

/// Signed with HS256 and `secret`.
pub(super) fn hmac(token: TokenBuilder, secret: impl Into<Vec<u8>>) -> String {
    let key = TestKey::hmac(HS256, secret);
    token.alg("HS256").signature_by(&key).mint()
}

/// An algorithm other than the key's, of the same family where there is one.
pub(super) fn other_algorithm(algorithm: SigningAlgorithm) -> SigningAlgorithm {
    match algorithm {
        RS256 => RS512,
        RS384 | RS512 | PS256 => RS256,
        PS384 | PS512 => PS256,
        ES256 => ES384,
        ES384 | ES512 | EdDSA | Ed25519 => ES256,
        HS256 => HS512,
        HS384 | HS512 => HS256,
    }
}

/// With one part replaced after signing.
pub(super) fn swapped(mut parts: Parts, change: impl FnOnce(&mut Parts)) -> String {
    change(&mut parts);
    parts.join()
}

/// With its signature changed.
pub(super) fn signature(token: &TokenBuilder, change: fn(&mut Vec<u8>)) -> String {
    swapped(token.parts(), |parts| {
        let mut bytes = URL_SAFE_NO_PAD.decode(&parts.signature).expect("base64url");
        change(&mut bytes);
        parts.signature = base64url(bytes);
    })
}

/// The halves of a signature as a DER SEQUENCE of two positive INTEGERs (RFC 3279 §2.2.3).
pub(super) fn der(signature: &[u8]) -> Vec<u8> {
    let element = |tag: u8, contents: &[u8]| {
        let length = contents.len();
        let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        let head = match length {
            0..0x80 => vec![tag, low],
            0x80..0x100 => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [head, contents.to_vec()].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let integers = [r, s].map(|half| {
        let zeros = half.iter().take_while(|byte| **byte == 0).count();
        let is_positive = matches!(half.get(zeros), Some(..0x80));
        let sign: &[u8] = if is_positive { &[] } else { &[0] };
        element(0x02, &[sign, &half[zeros..]].concat())
    });
    element(0x30, &integers.concat())
}

/// With a claim that is text replaced.
pub(super) fn claim(token: TokenBuilder, name: &str, change: impl FnOnce(&str) -> Value) -> String {
    let value = change(token.claim_text(name));
    token.claim(name, value).mint()
}

/// With the bytes of the claims changed before signing.
pub(super) fn payload(token: TokenBuilder, change: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let claims = change(&token.payload_bytes());
    token.raw_payload(claims).mint()
}

/// With another member before the claims.
pub(super) fn payload_member(token: TokenBuilder, member: &str) -> String {
    payload(token, |claims| with_first(claims, member))
}

/// With the bytes of the header changed before signing.
pub(super) fn header(token: TokenBuilder, change: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = change(&token.header_bytes());
    token.raw_header(header).mint()
}

/// A JSON object with another member before its own.
pub(super) fn with_first(object: &[u8], member: &str) -> Vec<u8> {
    [b"{", member.as_bytes(), b",", &object[1..]].concat()
}

/// UTF-16 with a byte order mark.
pub(super) fn utf16(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let units = once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// With the base64url text of the payload changed before signing.
pub(super) fn encoded_payload(token: &TokenBuilder, change: impl FnOnce(&str) -> String) -> String {
    let payload = change(&base64url(token.payload_bytes()));
    token
        .sign_parts(base64url(token.header_bytes()), payload)
        .join()
}

/// With a payload whose length is not a multiple of three, so that its last character has spare bits.
pub(super) fn with_spare_bits(token: TokenBuilder) -> TokenBuilder {
    let token = token.claim("pad", "");
    if token.payload_bytes().len().is_multiple_of(3) {
        token.claim("pad", "x")
    } else {
        token
    }
}

/// Padded to a multiple of four; with one `=` if it is one already.
pub(super) fn padded(text: &str) -> String {
    let missing = (4 - text.len() % 4) % 4;
    format!("{text}{}", "=".repeat(missing.max(1)))
}

/// With the lowest bit of the last character set, which is a spare bit if the length is not a multiple of four.
pub(super) fn with_spare_bit_set(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.iter().position(|byte| last.as_bytes() == [*byte]);
    let changed = ALPHABET[value.expect("base64url") | 1];
    format!("{rest}{}", char::from(changed))
}

/// With upper and lower case exchanged.
pub(super) fn other_case(text: &str) -> String {
    let exchange = |c: char| match c.is_ascii_lowercase() {
        true => c.to_ascii_uppercase(),
        false => c.to_ascii_lowercase(),
    };
    text.chars().map(exchange).collect()
}
