//! Key material.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use aws_lc_rs::{
    encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rand::{SystemRandom, fill},
    rsa::KeySize,
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef, der::Decode as _};
use portcullis_core::Secret;
use serde_json::{Value, json};

use super::{SigningAlgorithm, algorithm::Method};
use crate::encoding::base64url;

const RANDOM: &str = "random numbers";
const EXPORTABLE: &str = "keys in memory can be exported";

/// The length of what precedes the PKCS#1 key in the PKCS#8 form of an RSA key of 2048 bits.
const PKCS8_HEAD: usize = 26;

#[derive(Debug)]
pub(super) enum Material {
    Rsa(RsaKeyPair),
    /// With the name of the curve (RFC 7518 §6.2.1.1).
    Ec(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
    Hmac(Secret),
}

impl Material {
    pub(super) fn generate(algorithm: SigningAlgorithm) -> Self {
        match algorithm.method() {
            Method::Rsa(_) => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect(RANDOM)),
            Method::Ec(curve, algorithm) => {
                Self::Ec(EcdsaKeyPair::generate(algorithm).expect(RANDOM), curve)
            }
            Method::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate().expect(RANDOM)),
            Method::Hmac(_) => {
                let mut secret = vec![0; 64];
                fill(&mut secret).expect(RANDOM);
                Self::Hmac(Secret::new(secret))
            }
        }
    }

    pub(super) fn shared(algorithm: SigningAlgorithm, index: usize) -> Arc<Self> {
        type Keys = Mutex<HashMap<(SigningAlgorithm, usize), Arc<Material>>>;
        static KEYS: LazyLock<Keys> = LazyLock::new(Mutex::default);

        let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.entry((algorithm.family(), index));
        Arc::clone(key.or_insert_with(|| Arc::new(Self::generate(algorithm))))
    }

    pub(super) fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Vec<u8> {
        match (self, algorithm.method()) {
            (Self::Rsa(pair), Method::Rsa(encoding)) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .expect(RANDOM);
                signature
            }
            (Self::Ec(pair, _), _) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                signature.expect(RANDOM).as_ref().to_vec()
            }
            (Self::Ed25519(pair), _) => pair.sign(message).as_ref().to_vec(),
            (Self::Hmac(secret), Method::Hmac(algorithm)) => {
                let key = hmac::Key::new(algorithm, secret.expose());
                hmac::sign(&key, message).as_ref().to_vec()
            }
            (Self::Rsa(_) | Self::Hmac(_), _) => unreachable!("TestKey compares the families"),
        }
    }

    /// The members that define the public key, in the order of a thumbprint (RFC 7638 §3.2, §3.3).
    pub(super) fn public_members(&self) -> Value {
        match self {
            Self::Rsa(pair) => {
                let key = pair.public_key().as_ref();
                let key = RsaPublicKeyRef::from_der(key).expect(EXPORTABLE);
                let [n, e] = [key.modulus, key.public_exponent].map(|n| base64url(n.as_bytes()));
                json!({ "e": e, "kty": "RSA", "n": n })
            }
            Self::Ec(pair, curve) => {
                // An uncompressed point: 4, then x and y of equal length (SEC 1 §2.3.3).
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "crv": curve, "kty": "EC", "x": base64url(x), "y": base64url(y) })
            }
            Self::Ed25519(pair) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": base64url(pair.public_key()) })
            }
            Self::Hmac(secret) => json!({ "k": base64url(secret.expose()), "kty": "oct" }),
        }
    }

    /// The members that [`public_members`](Self::public_members) leaves out.
    pub(super) fn private_members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Rsa(_) => {
                let der = self.private_der();
                let key = RsaPrivateKeyRef::from_der(&der[PKCS8_HEAD..]).expect(EXPORTABLE);
                [
                    ("d", key.private_exponent),
                    ("p", key.prime1),
                    ("q", key.prime2),
                    ("dp", key.exponent1),
                    ("dq", key.exponent2),
                    ("qi", key.coefficient),
                ]
                .map(|(name, number)| (name, base64url(number.as_bytes())))
                .to_vec()
            }
            Self::Ec(pair, _) => {
                let scalar: EcPrivateKeyBin<'_> =
                    pair.private_key().as_be_bytes().expect(EXPORTABLE);
                vec![("d", base64url(scalar.as_ref()))]
            }
            Self::Ed25519(pair) => {
                let seed = pair.seed().expect(EXPORTABLE);
                let seed = seed.as_be_bytes().expect(EXPORTABLE);
                vec![("d", base64url(seed.as_ref()))]
            }
            Self::Hmac(_) => Vec::new(),
        }
    }

    pub(super) fn public_der(&self) -> Vec<u8> {
        let der: Result<PublicKeyX509Der<'_>, _> = match self {
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ec(pair, _) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::Hmac(secret) => return secret.expose().to_vec(),
        };
        der.expect(EXPORTABLE).as_ref().to_vec()
    }

    pub(super) fn private_der(&self) -> Vec<u8> {
        let der: Result<Pkcs8V1Der<'_>, _> = match self {
            Self::Rsa(pair) => pair.as_der(),
            Self::Ec(pair, _) => return pair.to_pkcs8v1().expect(EXPORTABLE).as_ref().to_vec(),
            Self::Ed25519(pair) => pair.as_der(),
            Self::Hmac(secret) => return secret.expose().to_vec(),
        };
        der.expect(EXPORTABLE).as_ref().to_vec()
    }
}
