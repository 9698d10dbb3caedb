//! Splits tokens, and builds forged tokens from their parts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_test::{TestKey, TokenBuilder};

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// The three parts, still encoded.
pub(super) fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().expect("three parts")
}

/// Replaces the signature of a token.
pub(super) fn with_signature(token: &str, signature: impl AsRef<[u8]>) -> String {
    let [header, payload, _] = parts(token);
    format!("{header}.{payload}.{}", encode(signature))
}

/// The signature of a token.
pub(super) fn signature(token: &str) -> Vec<u8> {
    decode(parts(token)[2])
}

/// The payload of a token with another header, signed by `key` whatever the header says.
pub(super) fn with_header(token: &TokenBuilder, header: impl AsRef<[u8]>, key: &TestKey) -> String {
    token
        .clone()
        .raw_header(header.as_ref())
        .signature_by(key)
        .mint()
}

/// The claims of a token, as text.
pub(super) fn payload(token: &TokenBuilder) -> String {
    String::from_utf8(decode(parts(&token.mint())[1])).expect("JSON")
}

/// The header of a token, as text.
pub(super) fn header(token: &TokenBuilder) -> String {
    String::from_utf8(decode(parts(&token.mint())[0])).expect("JSON")
}

/// The decoded part, if it is base64url.
pub(super) fn try_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
