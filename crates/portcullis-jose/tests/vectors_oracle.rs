//! `jsonwebtoken` as an independent oracle: both crates accept and reject the same tokens.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RsaKeyPair,
};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, encode};
use portcullis_core::Secret;
use portcullis_jose::{Algorithm, CompactJws, KeySet};
use serde_json::json;
use spki::der::pem::{LineEnding, encode_string};

/// One key in the types of both crates.
struct Pair {
    algorithms: Vec<Algorithm>,
    signs: EncodingKey,
    theirs: DecodingKey,
    ours: fn(&[u8], Algorithm) -> KeySet,
    key: Vec<u8>,
}

fn from_pem(pem: &[u8], algorithm: Algorithm) -> KeySet {
    KeySet::from_pem(pem, algorithm).expect("a public key")
}

fn from_secret(secret: &[u8], algorithm: Algorithm) -> KeySet {
    KeySet::from_secret(algorithm, Secret::new(secret.to_vec())).expect("a long secret")
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    encode_string(label, LineEnding::LF, der)
        .expect("a short label")
        .into_bytes()
}

fn public(key: &PublicKeyX509Der<'_>) -> Vec<u8> {
    pem("PUBLIC KEY", key.as_ref())
}

fn pairs() -> Vec<Pair> {
    let random = SystemRandom::new();
    let mut pairs = Vec::new();

    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
    let key = public(&rsa.public_key().as_der().expect("its public half"));
    let private = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&rsa)
        .expect("PKCS #8");
    pairs.push(Pair {
        algorithms: Algorithm::ASYMMETRIC[..6].to_vec(),
        signs: EncodingKey::from_rsa_pem(&pem("PRIVATE KEY", private.as_ref()))
            .expect("an RSA key"),
        theirs: DecodingKey::from_rsa_pem(&key).expect("an RSA key"),
        ours: from_pem,
        key,
    });

    for (algorithm, signing) in [
        (Algorithm::ES256, &ECDSA_P256_SHA256_FIXED_SIGNING),
        (Algorithm::ES384, &ECDSA_P384_SHA384_FIXED_SIGNING),
    ] {
        let private = EcdsaKeyPair::generate_pkcs8(signing, &random).expect("an EC key");
        let pair = EcdsaKeyPair::from_pkcs8(signing, private.as_ref()).expect("just made");
        let key = public(&pair.public_key().as_der().expect("its public half"));
        pairs.push(Pair {
            algorithms: vec![algorithm],
            signs: EncodingKey::from_ec_der(private.as_ref()),
            theirs: DecodingKey::from_ec_pem(&key).expect("an EC key"),
            ours: from_pem,
            key,
        });
    }

    let private = Ed25519KeyPair::generate_pkcs8v1(&random).expect("an Ed25519 key");
    let pair = Ed25519KeyPair::from_pkcs8(private.as_ref()).expect("just made");
    let key = public(&pair.public_key().as_der().expect("its public half"));
    pairs.push(Pair {
        algorithms: vec![Algorithm::EdDSA],
        signs: EncodingKey::from_ed_der(private.as_ref()),
        theirs: DecodingKey::from_ed_pem(&key).expect("an Ed25519 key"),
        ours: from_pem,
        key,
    });

    let secret = [0x5a; 64];
    pairs.push(Pair {
        algorithms: Algorithm::SYMMETRIC.to_vec(),
        signs: EncodingKey::from_secret(&secret).expect("not empty"),
        theirs: DecodingKey::from_secret(&secret).expect("not empty"),
        ours: from_secret,
        key: secret.to_vec(),
    });
    pairs
}

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    algorithm.as_str().parse().expect("a common algorithm")
}

fn ours_accepts(keys: &KeySet, token: &str) -> bool {
    let Ok(jws) = CompactJws::parse(token) else {
        return false;
    };
    let Ok(header) = jws.header() else {
        return false;
    };
    keys.verify(&jws, &header).is_ok() && jws.payload().is_ok()
}

fn theirs_accepts(key: &DecodingKey, algorithm: Algorithm, token: &str) -> bool {
    let Some((message, signature)) = token.rsplit_once('.') else {
        return false;
    };
    jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, theirs(algorithm))
        .unwrap_or(false)
}

#[test]
fn j7_tokens_signed_by_jsonwebtoken_verify() {
    for pair in pairs() {
        for algorithm in &pair.algorithms {
            let header = Header {
                kid: Some("a".into()),
                ..Header::new(theirs(*algorithm))
            };
            let token =
                encode(&header, &json!({"sub": "é", "n": 1}), &pair.signs).expect("a token");
            for other in &pair.algorithms {
                let keys = (pair.ours)(&pair.key, *other);
                assert_eq!(
                    ours_accepts(&keys, &token),
                    other == algorithm,
                    "{algorithm} with a key for {other}"
                );
            }
        }
    }
}

#[test]
fn j1_token_changed_at_any_byte_is_rejected() {
    for pair in pairs() {
        let algorithm = pair.algorithms[0];
        let keys = (pair.ours)(&pair.key, algorithm);
        let token = encode(
            &Header::new(theirs(algorithm)),
            &json!({"sub": "a"}),
            &pair.signs,
        )
        .expect("a token");
        assert!(ours_accepts(&keys, &token) && theirs_accepts(&pair.theirs, algorithm, &token));
        for position in 0..token.len() {
            for replacement in ["A", "B", "_", "=", ".", "", "AA", " ", "+"] {
                let changed = format!(
                    "{}{replacement}{}",
                    &token[..position],
                    &token[position + 1..]
                );
                assert!(
                    changed == token || !ours_accepts(&keys, &changed),
                    "{algorithm} {position} {replacement:?}"
                );
            }
        }
    }
}
