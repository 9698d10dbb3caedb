//! Signatures that are not the issuer's of this token.

use super::stranger;
use crate::{
    SigningAlgorithm, TokenBuilder, encoding::base64url, key::der::sequence_of_integers,
    token::Parts,
};

pub(super) fn payload_swapped(token: TokenBuilder) -> String {
    let genuine = token.parts();
    let more = token
        .claim("scope", "orders:read orders:write orders:admin")
        .claim("admin", true);
    Parts {
        payload: base64url(more.payload_bytes()),
        ..genuine
    }
    .join()
}

pub(super) fn header_swapped(token: TokenBuilder) -> String {
    let genuine = token.parts();
    let other = token.header("x", "y");
    Parts {
        header: base64url(other.header_bytes()),
        ..genuine
    }
    .join()
}

pub(super) fn of_another(token: TokenBuilder) -> String {
    let another = token.clone().claim("jti", "another").parts();
    Parts {
        signature: another.signature,
        ..token.parts()
    }
    .join()
}

pub(super) fn wrong_key(token: TokenBuilder) -> String {
    let key = stranger(token.key().algorithm());
    token.signature_by(&key).mint()
}

pub(super) fn wrong_key_kind(token: TokenBuilder) -> String {
    let algorithm = match token.key().algorithm() {
        SigningAlgorithm::Ed25519 | SigningAlgorithm::EdDSA => SigningAlgorithm::ES256,
        _ => SigningAlgorithm::EdDSA,
    };
    token
        .alg(algorithm.as_str())
        .signature_by(&stranger(algorithm))
        .mint()
}

pub(super) fn unknown_key(token: TokenBuilder) -> String {
    let key = stranger(token.key().algorithm());
    token.sign_with(&key).mint()
}

pub(super) fn unknown_key_without_kid(token: TokenBuilder) -> String {
    let key = stranger(token.key().algorithm());
    token.sign_with(&key.without_kid()).mint()
}

pub(super) fn flipped(token: TokenBuilder) -> String {
    changed(token, |signature| {
        if let Some(byte) = signature.last_mut() {
            *byte ^= 1;
        }
    })
}

pub(super) fn zero(token: TokenBuilder) -> String {
    changed(token, |signature| signature.fill(0))
}

pub(super) fn truncated(token: TokenBuilder) -> String {
    changed(token, |signature| {
        signature.pop();
    })
}

pub(super) fn extended(token: TokenBuilder) -> String {
    changed(token, |signature| signature.push(0))
}

pub(super) fn zero_padded(token: TokenBuilder) -> String {
    changed(token, |signature| signature.insert(0, 0))
}

pub(super) fn der(token: TokenBuilder) -> String {
    changed(token, |signature| {
        let (r, s) = signature.split_at(signature.len() / 2);
        *signature = sequence_of_integers([r, s]);
    })
}

pub(super) fn halves_swapped(token: TokenBuilder) -> String {
    changed(token, |signature| {
        let half = signature.len() / 2;
        signature.rotate_left(half);
    })
}

fn changed(token: TokenBuilder, change: fn(&mut Vec<u8>)) -> String {
    token
        .map_signature(move |mut signature| {
            change(&mut signature);
            signature
        })
        .mint()
}
