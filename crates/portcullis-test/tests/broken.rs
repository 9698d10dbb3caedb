//! Each broken token has the one fault that its name says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, crypto, decode};
use portcullis_core::clock::UnixTime;
use portcullis_test::{Broken, BrokenKind, SigningAlgorithm, TestKey, TokenBuilder};
use serde_json::Value;

const ISSUER: &str = "https://issuer.example.com";
const AUDIENCE: &str = "https://orders.example.com";

fn present() -> UnixTime {
    portcullis_core::clock::Clock::now(&portcullis_core::clock::SystemClock)
}

fn good(key: &TestKey) -> TokenBuilder {
    TokenBuilder::new(ISSUER, key, present())
        .audience(AUDIENCE)
        .scope("orders:read")
}

fn accepts(key: &TestKey, token: &str) -> bool {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_nbf = true;
    let decoding = DecodingKey::from_ec_pem(key.public_pem().as_bytes()).unwrap();
    decode::<Value>(token, &decoding, &validation).is_ok()
}

/// Broken tokens that jsonwebtoken accepts: it does not check them, or is laxer than RFC 7515 and RFC 7519.
const ACCEPTED_BY_JSONWEBTOKEN: &[Broken] = &[
    // `kid` and duplicate members.
    Broken::KidTraversal,
    Broken::KidSql,
    Broken::KidLineBreaks,
    Broken::KidOtherCase,
    Broken::KidEmpty,
    Broken::KidHuge,
    Broken::DuplicateScope,
    Broken::DuplicateUnknown,
    // Types of claims.
    Broken::IatText,
    Broken::IssuerList,
];

#[test]
fn jsonwebtoken_rejects_every_broken_token_that_it_checks() {
    let key = TestKey::generate(SigningAlgorithm::ES256);
    assert!(accepts(&key, &good(&key).mint()));
    let accepted: Vec<Broken> = Broken::ALL
        .iter()
        .copied()
        .filter(|broken| broken.kind() != BrokenKind::Profile)
        .filter(|broken| accepts(&key, &good(&key).mint_broken(*broken)))
        .collect();
    let expected: HashSet<&Broken> = ACCEPTED_BY_JSONWEBTOKEN.iter().collect();
    assert_eq!(accepted.iter().collect::<HashSet<_>>(), expected);
}

/// Whether the signature verifies over header and payload as they are encoded.
fn is_signed(key: &TestKey, token: &str) -> bool {
    let Some((message, signature)) = token.rsplit_once('.') else {
        return false;
    };
    let (algorithm, decoding) = match key.algorithm() {
        SigningAlgorithm::RS256 => (
            Algorithm::RS256,
            DecodingKey::from_rsa_pem(key.public_pem().as_bytes()),
        ),
        SigningAlgorithm::ES256 => (
            Algorithm::ES256,
            DecodingKey::from_ec_pem(key.public_pem().as_bytes()),
        ),
        _ => (
            Algorithm::EdDSA,
            DecodingKey::from_ed_pem(key.public_pem().as_bytes()),
        ),
    };
    crypto::verify(signature, message.as_bytes(), &decoding.unwrap(), algorithm).unwrap_or(false)
}

#[test]
fn broken_claims_are_signed_and_broken_signatures_are_not() {
    use BrokenKind::{Algorithm, Claims, Encoding, Header, Payload, Profile, Shape, Signature};
    for algorithm in [
        SigningAlgorithm::ES256,
        SigningAlgorithm::RS256,
        SigningAlgorithm::Ed25519,
    ] {
        let key = TestKey::shared(algorithm, 7);
        let good = good(&key);
        assert!(is_signed(&key, &good.mint()));
        for broken in Broken::ALL {
            let token = good.mint_broken(*broken);
            let signed = is_signed(&key, &token);
            match broken.kind() {
                Payload | Claims | Profile => assert!(signed, "{broken} with {algorithm}"),
                Signature => assert!(!signed, "{broken} with {algorithm}"),
                Algorithm | Encoding | Header | Shape => {}
                other => panic!("no check for {other:?}"),
            }
        }
    }
}

#[test]
fn broken_tokens_and_their_names_are_distinct() {
    let key = TestKey::generate(SigningAlgorithm::Ed25519);
    let good = good(&key);
    let tokens: HashSet<String> = Broken::ALL
        .iter()
        .map(|broken| good.mint_broken(*broken))
        .collect();
    let names: HashSet<String> = Broken::ALL.iter().map(Broken::to_string).collect();
    assert_eq!(tokens.len(), Broken::ALL.len());
    assert_eq!(names.len(), Broken::ALL.len());
    assert!(!tokens.contains(&good.mint()));
}

#[test]
fn broken_encodings_are_not_base64url() {
    let key = TestKey::generate(SigningAlgorithm::ES384);
    for length in 0..6 {
        let good = good(&key).claim("filler", "x".repeat(length));
        for broken in Broken::ALL
            .iter()
            .filter(|broken| broken.kind() == BrokenKind::Encoding)
        {
            let token = good.mint_broken(*broken);
            let strict = token
                .split('.')
                .all(|part| URL_SAFE_NO_PAD.decode(part).is_ok());
            assert!(!strict, "{broken}: {token}");
        }
        let padded = good.mint_broken(Broken::Padded);
        let payload = padded.split('.').nth(1).unwrap();
        assert_eq!(payload.len() % 4, 0);
    }
}

#[test]
fn every_algorithm_can_be_broken() {
    for algorithm in SigningAlgorithm::ASYMMETRIC {
        let key = TestKey::shared(algorithm, 7);
        for broken in Broken::ALL {
            assert!(!good(&key).mint_broken(*broken).is_empty());
        }
    }
}
