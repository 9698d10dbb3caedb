//! Base64 that is not base64url.

use crate::{TokenBuilder, encoding::base64url, token::Parts};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn padded(token: TokenBuilder) -> String {
    resigned(&with_spare_bits(token), |payload| pad(&payload))
}

pub(super) fn signature_padded(token: TokenBuilder) -> String {
    let parts = token.parts();
    Parts {
        signature: pad(&parts.signature),
        ..parts
    }
    .join()
}

/// To a multiple of four; with one `=` where nothing is missing.
fn pad(text: &str) -> String {
    let missing = (4 - text.len() % 4) % 4;
    format!("{text}{}", "=".repeat(missing.max(1)))
}

pub(super) fn standard_alphabet(token: TokenBuilder) -> String {
    // Five question marks in a row come out with an underscore, however they are aligned.
    let token = token.claim("pad", "?????");
    resigned(&token, |payload| {
        payload.replace('-', "+").replace('_', "/")
    })
}

pub(super) fn trailing_bits(token: TokenBuilder) -> String {
    resigned(&with_spare_bits(token), |payload| set_spare_bit(&payload))
}

pub(super) fn signature_trailing_bits(token: TokenBuilder) -> String {
    let parts = token.parts();
    let signature = match parts.signature.len() % 4 {
        0 => format!("{}A", parts.signature),
        _ => set_spare_bit(&parts.signature),
    };
    Parts { signature, ..parts }.join()
}

pub(super) fn illegal_character(token: TokenBuilder) -> String {
    resigned(&token, |payload| format!("{payload}!"))
}

/// A payload whose length is no multiple of three.
fn with_spare_bits(token: TokenBuilder) -> TokenBuilder {
    let token = token.claim("pad", "");
    match token.payload_bytes().len() % 3 {
        0 => token.claim("pad", "x"),
        _ => token,
    }
}

/// The last character's lowest bit, which encodes nothing when the length is no multiple of four.
fn set_spare_bit(text: &str) -> String {
    let mut text = text.to_owned();
    let last = text
        .pop()
        .and_then(|last| ALPHABET.iter().position(|own| char::from(*own) == last));
    if let Some(value) = last {
        text.push(char::from(ALPHABET[value | 1]));
    }
    text
}

/// With its payload's text changed, and the signature over what is sent.
fn resigned(token: &TokenBuilder, change: impl FnOnce(String) -> String) -> String {
    let payload = change(base64url(token.payload_bytes()));
    token
        .sign_parts(base64url(token.header_bytes()), payload)
        .join()
}
