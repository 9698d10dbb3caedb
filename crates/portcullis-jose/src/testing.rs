//! Keys that sign, for the unit tests.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use pkcs1::RsaPublicKeyRef;
use spki::der::Decode as _;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::key_material::Curve;

/// A key pair and the algorithm that it signs with.
pub(crate) struct Signer {
    algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(&'static RsaKeyPair),
    Ec(&'static Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// A new key. For RSA, where that is slow, one of two keys that all tests share.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let pair = match (Curve::of(algorithm), algorithm) {
            (Ok(curve), _) => {
                let pair = EcdsaKeyPair::generate(curve.signing).expect("a P-curve key");
                Pair::Ec(curve, pair)
            }
            (_, Algorithm::EdDSA) => {
                Pair::Ed25519(Ed25519KeyPair::generate().expect("an Ed25519 key"))
            }
            _ => Pair::Rsa(rsa(0)),
        };
        Self { algorithm, pair }
    }

    /// The other RSA key; see [`new`](Self::new).
    pub(crate) fn other_rsa(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            pair: Pair::Rsa(rsa(1)),
        }
    }

    /// The public key, with `members` (`,"kid":"a"`) at its end.
    pub(crate) fn jwk(&self, members: &str) -> String {
        match &self.pair {
            Pair::Rsa(pair) => {
                let key = RsaPublicKeyRef::from_der(pair.public_key().as_ref()).expect("PKCS #1");
                let n = base64url::encode(key.modulus.as_bytes());
                let e = base64url::encode(key.public_exponent.as_bytes());
                format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"{members}}}"#)
            }
            Pair::Ec(curve, pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(curve.coordinate_bytes);
                let (crv, x, y) = (curve.name, base64url::encode(x), base64url::encode(y));
                format!(r#"{{"kty":"EC","crv":"{crv}","x":"{x}","y":"{y}"{members}}}"#)
            }
            Pair::Ed25519(pair) => {
                let x = base64url::encode(pair.public_key().as_ref());
                format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{members}}}"#)
            }
        }
    }

    /// The public key as SubjectPublicKeyInfo in DER.
    pub(crate) fn spki(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ec(_, pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        }
        .expect("every public key has one");
        der.as_ref().to_vec()
    }

    /// An RSA public key as RFC 8017 §A.1.1 has it.
    pub(crate) fn pkcs1(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            _ => panic!("only RSA keys have one"),
        }
    }

    /// A token with the algorithm, `members` (`,"kid":"a"`) in its header, and an empty set of claims.
    pub(crate) fn token(&self, members: &str) -> String {
        self.sign(&format!(r#"{{"alg":"{}"{members}}}"#, self.algorithm), "{}")
    }

    pub(crate) fn sign(&self, header: &str, payload: &str) -> String {
        let input = format!(
            "{}.{}",
            base64url::encode(header.as_bytes()),
            base64url::encode(payload.as_bytes())
        );
        let signature = self.raw_signature(input.as_bytes());
        format!("{input}.{}", base64url::encode(&signature))
    }

    pub(crate) fn raw_signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match self.algorithm {
                    Algorithm::RS256 => &signature::RSA_PKCS1_SHA256,
                    Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
                    Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
                    Algorithm::PS256 => &signature::RSA_PSS_SHA256,
                    Algorithm::PS384 => &signature::RSA_PSS_SHA384,
                    Algorithm::PS512 => &signature::RSA_PSS_SHA512,
                    other => panic!("{other} is not for RSA"),
                };
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut out)
                    .expect("RSA signs");
                out
            }
            Pair::Ec(_, pair) => pair
                .sign(&random, message)
                .expect("ECDSA signs")
                .as_ref()
                .to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

fn rsa(which: usize) -> &'static RsaKeyPair {
    static PAIRS: [OnceLock<RsaKeyPair>; 2] = [OnceLock::new(), OnceLock::new()];
    PAIRS[which].get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key"))
}

/// A JWK Set of `keys`.
pub(crate) fn jwks(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}
