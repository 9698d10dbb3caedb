//! Changes that broken tokens are made by.

use std::iter::once;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pkcs1::der::{Encode as _, asn1::UintRef};
use serde_json::Value;

use crate::{SigningAlgorithm, TestKey, TokenBuilder, encoding::base64url};

/// A key that the issuer never published.
pub(super) fn stranger(algorithm: SigningAlgorithm) -> TestKey {
    TestKey::shared(algorithm, usize::MAX - 1)
}

/// Signed by a stranger, whose `alg` and `kid` the header names.
pub(super) fn by_stranger(token: TokenBuilder) -> (TokenBuilder, TestKey) {
    let key = stranger(token.key.algorithm());
    (token.sign_with(&key), key)
}

pub(super) fn unsigned(token: TokenBuilder, alg: &str) -> String {
    changed(&token.alg(alg), |[_, _, signature]| signature.clear())
}

pub(super) fn hmac(token: TokenBuilder, secret: impl Into<Vec<u8>>) -> String {
    let key = TestKey::hmac(SigningAlgorithm::HS256, secret);
    token.alg("HS256").signature_by(&key).mint()
}

/// An algorithm other than the key's, of the same family where there is one.
pub(super) fn other_algorithm(algorithm: SigningAlgorithm) -> SigningAlgorithm {
    let family = &algorithm.as_str()[..1];
    let mut others = SigningAlgorithm::ASYMMETRIC.into_iter();
    others
        .find(|other| *other != algorithm && other.as_str().starts_with(family))
        .unwrap_or(SigningAlgorithm::RS256)
}

/// With header, payload and signature changed after signing.
pub(super) fn changed(token: &TokenBuilder, change: impl FnOnce(&mut [String; 3])) -> String {
    let mut parts = token.parts();
    change(&mut parts);
    parts.join(".")
}

/// With one of the three parts taken from another token.
pub(super) fn spliced(token: &TokenBuilder, part: usize, other: &TokenBuilder) -> String {
    changed(token, |parts| parts[part] = other.parts()[part].clone())
}

pub(super) fn signature(token: &TokenBuilder, change: fn(&mut Vec<u8>)) -> String {
    changed(token, |[_, _, signature]| {
        let mut bytes = URL_SAFE_NO_PAD.decode(&signature).expect("base64url");
        change(&mut bytes);
        *signature = base64url(bytes);
    })
}

/// The halves of a signature as a DER SEQUENCE of two positive INTEGERs (RFC 3279 §2.2.3).
pub(super) fn der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let integers = [r, s].map(|half| UintRef::new(half).expect("a short number"));
    integers.to_der().expect("two short numbers")
}

pub(super) fn claim(token: TokenBuilder, name: &str, change: impl FnOnce(&str) -> Value) -> String {
    let value = change(token.claim_text(name));
    token.claim(name, value).mint()
}

/// With the bytes of the claims changed before signing.
pub(super) fn payload(token: TokenBuilder, change: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let claims = change(&token.payload_bytes());
    token.raw_payload(claims).mint()
}

pub(super) fn payload_member(token: TokenBuilder, member: &str) -> String {
    payload(token, |claims| with_first(claims, member))
}

/// With the bytes of the header changed before signing.
pub(super) fn header(token: TokenBuilder, change: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = change(&token.header_bytes());
    token.raw_header(header).mint()
}

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
    token.sign_payload(payload).join(".")
}

/// With a payload whose length is not a multiple of three, so that its last character has spare bits.
pub(super) fn with_spare_bits(token: TokenBuilder) -> TokenBuilder {
    let token = token.claim("pad", "");
    match token.payload_bytes().len() % 3 {
        0 => token.claim("pad", "x"),
        _ => token,
    }
}

/// Padded to a multiple of four; with one `=` if it is one already.
pub(super) fn padded(text: &str) -> String {
    let missing = (4 - text.len() % 4) % 4;
    format!("{text}{}", "=".repeat(missing.max(1)))
}

/// With a spare bit of the last character set. Without it the character's value is a multiple of four, so the value is one
/// less than that of the next character in ASCII.
pub(super) fn with_spare_bit_set(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    format!("{rest}{}", char::from(last.as_bytes()[0] + 1))
}
