//! Verifies a token's signature with the keys of a set.

use super::{KeySet, VerificationKey};
use crate::algorithm::Algorithm;
use crate::header::Header;
use crate::jws::CompactJws;
use crate::jws_error::JwsError;

impl KeySet {
    /// Verifies the signature of `jws`, whose header is `header`, and returns the key that made it.
    ///
    /// A token without `kid` is tried with all keys for its algorithm. A token with a `kid` is tried with the keys of
    /// that `kid`, compared case-sensitively. If no key has that `kid`, the keys without a `kid` are tried. At most
    /// [`MAX_CANDIDATES`](Self::MAX_CANDIDATES) keys are tried.
    ///
    /// The caller must have checked that the algorithm is allowed.
    ///
    /// # Errors
    ///
    /// If no key of the set made the signature. A newer set may have the key if the error is
    /// [`UnknownKid`](SignatureError::UnknownKid), [`NoKeyForAlgorithm`](SignatureError::NoKeyForAlgorithm) or
    /// [`NoKeyMatches`](SignatureError::NoKeyMatches). The errors of a known `kid` have two causes: a forged token, or an
    /// issuer that reused the `kid` in a newer set.
    pub fn verify(
        &self,
        jws: &CompactJws<'_>,
        header: &Header,
    ) -> Result<&VerificationKey, SignatureError> {
        use SignatureError as E;

        let algorithm = header.algorithm();
        let kid = header.kid();
        let set_has_kid = kid.is_some() && self.keys.iter().any(|key| key.kid() == kid);
        let is_candidate = |key: &&VerificationKey| match kid {
            None => true,
            Some(_) if set_has_kid => key.kid() == kid,
            Some(_) => key.kid().is_none(),
        };
        let (error_if_no_candidate, error_if_none_verifies) = match kid {
            None => (E::NoKeyForAlgorithm(algorithm), E::NoKeyMatches),
            Some(_) if set_has_kid => (E::KidForOtherAlgorithm(algorithm), E::BadSignature),
            Some(_) => (E::UnknownKid, E::UnknownKid),
        };
        let mut candidates = self
            .keys
            .iter()
            .filter(is_candidate)
            .filter(|key| key.algorithms().contains(&algorithm))
            .take(Self::MAX_CANDIDATES)
            .peekable();
        if candidates.peek().is_none() {
            return Err(error_if_no_candidate);
        }
        let signature = jws.signature().map_err(SignatureError::Malformed)?;
        let message = jws.signing_input();
        candidates
            .find(|key| key.verify(algorithm, message, &signature).is_ok())
            .ok_or(error_if_none_verifies)
    }
}

/// Why a token's signature is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is not well-formed.
    #[error(transparent)]
    Malformed(JwsError),
    /// No key has the `kid`, and no key without `kid` that was tried made the signature. A newer set may have the key.
    #[error("no key of the set has the token's `kid`: fetch a newer set, or check who signed")]
    UnknownKid,
    /// The key with the `kid` is for another algorithm than the header's (RFC 8725 §3.1).
    #[error("the key with the token's `kid` is not for {0}, the token's `alg`: check the issuer")]
    KidForOtherAlgorithm(Algorithm),
    /// The token has no `kid`, and no key is for its algorithm. A newer set may have the key.
    #[error("no key of the set is for {0}, and the token has no `kid`: check the token's issuer")]
    NoKeyForAlgorithm(Algorithm),
    /// The token has no `kid`, and no key for its algorithm that was tried made the signature. A newer set may have the key.
    #[error(
        "the signature does not verify with any key of the set (the token has no `kid`, so up to {} keys were tried): check who issued the token",
        KeySet::MAX_CANDIDATES
    )]
    NoKeyMatches,
    /// The key with the `kid` did not make the signature.
    #[error("the key with the token's `kid` does not verify the signature: check who signed")]
    BadSignature,
}

portcullis_core::debug_as_report!(SignatureError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Signer, jwks};

    fn set(keys: &[String]) -> KeySet {
        KeySet::parse(jwks(keys).as_bytes()).expect("a usable set")
    }

    fn verify(keys: &KeySet, token: &str) -> Result<Thumb, SignatureError> {
        let jws = CompactJws::parse(token).expect("three parts");
        let header = jws.header().expect("a good header");
        keys.verify(&jws, &header).map(|key| key.thumbprint())
    }

    type Thumb = crate::thumbprint::Thumbprint;

    #[test]
    fn p1_every_asymmetric_algorithm_verifies_and_only_under_its_own_name() {
        for algorithm in Algorithm::ASYMMETRIC {
            let signer = Signer::new(algorithm);
            let keys = set(&[signer.jwk("")]);
            assert!(verify(&keys, &signer.token("")).is_ok(), "{algorithm}");
            for other in Algorithm::ASYMMETRIC
                .into_iter()
                .chain(Algorithm::SYMMETRIC)
                .filter(|other| *other != algorithm)
            {
                let token = signer.sign(&format!(r#"{{"alg":"{other}"}}"#), "{}");
                assert!(verify(&keys, &token).is_err(), "{algorithm} as {other}");
            }
        }
    }

    #[test]
    fn p1_key_with_alg_verifies_only_that_algorithm() {
        let signer = Signer::new(Algorithm::RS512);
        let keys = set(&[signer.jwk(r#","alg":"RS256","kid":"a""#)]);
        let named = verify(&keys, &signer.token(r#","kid":"a""#));
        assert_eq!(
            named,
            Err(SignatureError::KidForOtherAlgorithm(Algorithm::RS512))
        );
        assert_eq!(
            verify(&keys, &signer.token("")),
            Err(SignatureError::NoKeyForAlgorithm(Algorithm::RS512))
        );
        let signer = Signer::new(Algorithm::RS256);
        assert!(verify(&keys, &signer.token(r#","kid":"a""#)).is_ok());
    }

    #[test]
    fn eddsa_has_two_names() {
        let signer = Signer::new(Algorithm::EdDSA);
        for in_key in ["", r#","alg":"EdDSA""#, r#","alg":"Ed25519""#] {
            for in_token in ["EdDSA", "Ed25519"] {
                let token = signer.sign(&format!(r#"{{"alg":"{in_token}"}}"#), "{}");
                assert!(
                    verify(&set(&[signer.jwk(in_key)]), &token).is_ok(),
                    "{in_key} {in_token}"
                );
            }
        }
    }

    #[test]
    fn w2_kid_is_compared_exactly() {
        let signer = Signer::new(Algorithm::ES256);
        let other = Signer::new(Algorithm::ES256);
        let keys = set(&[
            signer.jwk(r#","kid":"key-a""#),
            other.jwk(r#","kid":"key-ab""#),
        ]);
        assert!(verify(&keys, &signer.token(r#","kid":"key-a""#)).is_ok());
        assert_eq!(
            verify(&keys, &signer.token(r#","kid":"key-ab""#)),
            Err(SignatureError::BadSignature)
        );
        for kid in [
            "Key-a",
            "KEY-A",
            "key-",
            "key-a ",
            "",
            "../key-a",
            "key-a\\u0000",
            "' OR 1=1 --",
        ] {
            let token = signer.token(&format!(r#","kid":"{kid}""#));
            assert_eq!(
                verify(&keys, &token),
                Err(SignatureError::UnknownKid),
                "{kid:?}"
            );
        }
        assert!(
            verify(&keys, &signer.token("")).is_ok(),
            "without a kid the compatible keys are tried"
        );
    }

    #[test]
    fn keys_that_share_a_kid_are_all_tried() {
        let signers: Vec<_> = Algorithm::ASYMMETRIC.into_iter().map(Signer::new).collect();
        let second = Signer::new(Algorithm::ES256);
        let mut all: Vec<_> = signers
            .iter()
            .map(|signer| signer.jwk(r#","kid":"same""#))
            .collect();
        all.push(second.jwk(r#","kid":"same""#));
        let keys = set(&all);
        for signer in signers.iter().chain([&second]) {
            assert!(verify(&keys, &signer.token(r#","kid":"same""#)).is_ok());
        }
        let stranger = Signer::new(Algorithm::ES256).token(r#","kid":"same""#);
        assert_eq!(verify(&keys, &stranger), Err(SignatureError::BadSignature));
    }

    #[test]
    fn token_without_kid_by_an_unknown_key_is_no_key_matches() {
        let (known, stranger) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
        let keys = set(&[known.jwk(r#","kid":"a""#)]);
        let unnamed = verify(&keys, &stranger.token(""));
        assert_eq!(unnamed, Err(SignatureError::NoKeyMatches));
        let named = verify(&keys, &stranger.token(r#","kid":"a""#));
        assert_eq!(
            named,
            Err(SignatureError::BadSignature),
            "this key is known"
        );
    }

    #[test]
    fn p7_no_more_than_four_keys_are_tried() {
        let signers: Vec<_> = (0..6).map(|_| Signer::new(Algorithm::ES256)).collect();
        for members in ["", r#","kid":"same""#] {
            let keys = set(&signers
                .iter()
                .map(|signer| signer.jwk(members))
                .collect::<Vec<_>>());
            let accepted: Vec<_> = signers
                .iter()
                .map(|signer| verify(&keys, &signer.token("")).is_ok())
                .collect();
            assert_eq!(accepted, [true, true, true, true, false, false]);
        }
    }

    #[test]
    fn unknown_kid_is_tried_with_keys_without_kid() {
        let nameless = Signer::new(Algorithm::ES256);
        let named = Signer::new(Algorithm::ES256);
        let keys = set(&[nameless.jwk(""), named.jwk(r#","kid":"a""#)]);
        assert!(verify(&keys, &nameless.token(r#","kid":"b""#)).is_ok());
        assert_eq!(
            verify(&keys, &nameless.token(r#","kid":"a""#)),
            Err(SignatureError::BadSignature)
        );
        let stranger = Signer::new(Algorithm::ES256).token(r#","kid":"b""#);
        assert_eq!(
            verify(&keys, &stranger),
            Err(SignatureError::UnknownKid),
            "a newer set may have it"
        );
    }

    #[test]
    fn every_key_of_a_full_set_is_found_by_kid() {
        let signer = Signer::new(Algorithm::ES256);
        let names: Vec<_> = (0..KeySet::MAX_KEYS)
            .map(|n| format!("key-{}", n * 7 % 64))
            .collect();
        let keys = set(&names
            .iter()
            .map(|name| signer.jwk(&format!(r#","kid":"{name}""#)))
            .collect::<Vec<_>>());
        for name in &names {
            let token = signer.token(&format!(r#","kid":"{name}""#));
            let jws = CompactJws::parse(&token).expect("three parts");
            let header = jws.header().expect("a good header");
            let found = keys.verify(&jws, &header).expect("a valid signature");
            assert_eq!(found.kid(), Some(name.as_str()));
        }
        let in_order: Vec<_> = keys.keys().filter_map(VerificationKey::kid).collect();
        assert_eq!(in_order, names, "the order of publication is kept");
    }

    #[test]
    fn j7_signature_of_wrong_length_is_rejected() {
        for algorithm in Algorithm::ASYMMETRIC {
            let signer = Signer::new(algorithm);
            let keys = set(&[signer.jwk("")]);
            let token = signer.token("");
            let (input, _) = token.rsplit_once('.').expect("three parts");
            let good = signer.raw_signature(input.as_bytes());
            let with =
                |signature: &[u8]| format!("{input}.{}", crate::base64url::encode(signature));
            assert!(verify(&keys, &with(&good)).is_ok());
            let mut changed = good.clone();
            changed[good.len() / 2] ^= 1;
            let bad = [
                vec![],
                vec![0],
                vec![0; good.len()],
                good[..good.len() - 1].to_vec(),
                good[1..].to_vec(),
                [&good[..], &[0]].concat(),
                [&[0], &good[..]].concat(),
                [&good[..], &good[..]].concat(),
                changed,
            ];
            for signature in bad {
                assert_eq!(
                    verify(&keys, &with(&signature)),
                    Err(SignatureError::NoKeyMatches),
                    "{algorithm}"
                );
            }
        }
    }

    #[test]
    fn changed_payload_is_rejected() {
        let signer = Signer::new(Algorithm::EdDSA);
        let token = signer.token("");
        let parts: Vec<_> = token.split('.').collect();
        let swapped = format!(
            "{}.{}.{}",
            parts[0],
            crate::base64url::encode(br#"{"scope":"admin"}"#),
            parts[2]
        );
        assert_eq!(
            verify(&set(&[signer.jwk("")]), &swapped),
            Err(SignatureError::NoKeyMatches)
        );
    }

    #[test]
    fn signature_must_be_strict_base64url() {
        let signer = Signer::new(Algorithm::ES256);
        let keys = set(&[signer.jwk("")]);
        for suffix in ["=", "==", "\n", "+"] {
            let malformed = verify(&keys, &format!("{}{suffix}", signer.token("")));
            assert!(
                matches!(
                    malformed,
                    Err(SignatureError::Malformed(JwsError::NotBase64Url(_)))
                ),
                "{malformed:?}"
            );
        }
    }
}
