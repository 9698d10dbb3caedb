//! Tokens: valid, forged, and of unknown keys.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use portcullis_test::{Broken, SigningAlgorithm, TestIssuer, TestKey, TokenBuilder};

use super::service::READ;

/// A builder of a valid token.
pub(super) fn good(issuer: &TestIssuer) -> TokenBuilder {
    issuer.token().scope(READ.as_str())
}

/// A valid token.
pub(super) fn valid(issuer: &TestIssuer) -> String {
    good(issuer).mint()
}

/// A token of the issuer with a key that is not published, as after a rotation.
pub(super) fn unpublished(issuer: &TestIssuer) -> String {
    let key = TestKey::generate(SigningAlgorithm::ES256);
    good(issuer).sign_with(&key).mint()
}

/// A token in the issuer's name, signed with another issuer's key.
pub(super) fn of_stranger(issuer: &TestIssuer, stranger: &TestIssuer) -> String {
    good(issuer).sign_with(&stranger.signing_key()).mint()
}

/// Tokens that must never pass, each with its fault.
pub(super) fn forged(issuer: &TestIssuer) -> Vec<(String, String)> {
    let broken = Broken::ALL.iter().map(|broken| {
        let token = good(issuer).mint_broken(*broken);
        (broken.to_string(), token)
    });
    broken.chain(symmetric(issuer)).collect()
}

/// Tokens signed with the symmetric key in [`among_noise`](super::noise::among_noise).
fn symmetric(issuer: &TestIssuer) -> Option<(String, String)> {
    let secret = b"secret-secret-secret-secret-1234".as_slice();
    let key = TestKey::hmac(SigningAlgorithm::HS256, secret).with_kid("noise-symmetric");
    let token = good(issuer).sign_with(&key).mint();
    Some(("a published symmetric key".to_owned(), token))
}

/// An endless sequence of tokens, each with another unknown `kid`.
pub(super) struct UnknownKids {
    /// Payload and signature of a valid token.
    rest: String,
    next: usize,
}

impl UnknownKids {
    pub(super) fn of(issuer: &TestIssuer) -> Self {
        let token = valid(issuer);
        let (_, rest) = token.split_once('.').expect("three parts");
        Self {
            rest: rest.to_owned(),
            next: 0,
        }
    }
}

impl Iterator for UnknownKids {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.next += 1;
        let header = format!(
            r#"{{"alg":"ES256","typ":"at+jwt","kid":"sprayed-{}"}}"#,
            self.next
        );
        let header = BASE64_URL_SAFE_NO_PAD.encode(header);
        Some(format!("{header}.{}", self.rest))
    }
}
