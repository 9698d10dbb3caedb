//! Keys that are truncated or altered.

use portcullis_jose::{KeySet, SigningKey, SigningKeyError, SkipReason};
use serde_json::json;
use spki::der::pem::{LineEnding, decode_vec, encode_string};

use crate::forms::{ALL, holds, jwk_error, pem_error};

/// A damaged key is an error, or another usable key.
fn assert_error_or_usable_key(key: Result<SigningKey, SigningKeyError>) {
    let Ok(key) = key else { return };
    let public = json!({"keys": [key.public_jwk().expect("a pair")]}).to_string();
    let public = KeySet::parse(public.as_bytes()).expect("a public key");
    let signature = key.sign(b"message").expect("a signature");
    assert!(holds(&public, key.algorithm(), b"message", &signature));
}

#[test]
fn truncated_key_is_rejected() {
    for forms in ALL {
        let algorithm = forms.algorithms[0];
        for pem in forms.pem {
            let whole = pem.trim_end().len();
            for length in 0..whole {
                let error = pem_error(&pem[..length], algorithm);
                assert!(
                    matches!(error, SigningKeyError::Malformed | SigningKeyError::NoKey),
                    "{length} {error:?}"
                );
            }
            let start = pem.rfind("-----BEGIN ").expect("a block");
            let (label, der) = decode_vec(&pem.as_bytes()[start..]).expect("PEM");
            for length in 0..der.len() {
                let short = encode_string(label, LineEnding::LF, &der[..length]).expect("PEM");
                assert_eq!(pem_error(&short, algorithm), SigningKeyError::Malformed);
            }
            let long = [&der[..], &[0]].concat();
            let long = encode_string(label, LineEnding::LF, &long).expect("PEM");
            assert_eq!(pem_error(&long, algorithm), SigningKeyError::Malformed);
        }
        let jwk = forms.jwk_with(json!({"alg": algorithm.as_str()}));
        for length in 0..jwk.len() {
            assert!(matches!(
                jwk_error(&jwk[..length]),
                SigningKeyError::Jwk(SkipReason::Json(_))
            ));
        }
    }
}

#[test]
fn damaged_key_is_an_error_or_another_key() {
    for forms in ALL {
        let algorithm = forms.algorithms[0];
        for pem in forms.pem {
            let start = pem.rfind("-----BEGIN ").expect("a block");
            let (label, der) = decode_vec(&pem.as_bytes()[start..]).expect("PEM");
            for position in 0..der.len() {
                for flip in [0x01, 0x80] {
                    let mut der = der.clone();
                    der[position] ^= flip;
                    let pem = encode_string(label, LineEnding::LF, &der).expect("PEM");
                    assert_error_or_usable_key(SigningKey::from_pem(pem.as_bytes(), algorithm));
                }
            }
            for position in 0..pem.len() {
                let mut pem = pem.as_bytes().to_vec();
                pem[position] ^= 1;
                assert_error_or_usable_key(SigningKey::from_pem(&pem, algorithm));
            }
        }
        let jwk = forms.jwk_with(json!({"alg": algorithm.as_str()}));
        for position in 0..jwk.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut jwk = jwk.clone();
                jwk[position] ^= flip;
                assert_error_or_usable_key(SigningKey::from_jwk(&jwk, None));
                assert_error_or_usable_key(SigningKey::from_jwk(&jwk, Some(algorithm)));
            }
        }
    }
}
