//! Key material.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use aws_lc_rs::{
    encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rand::{SystemRandom, fill},
    rsa::KeySize,
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use portcullis_core::Secret;
use serde_json::{Map, Value};

use super::{
    SigningAlgorithm,
    algorithm::Method,
    der::{integers, pkcs8_private_key},
};
use crate::encoding::base64url;

const RANDOM: &str = "random numbers";
const EXPORTABLE: &str = "keys in memory can be exported";

pub(super) enum Material {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(Secret),
}

impl Material {
    pub(super) fn generate(method: &Method) -> Self {
        match method {
            Method::Rsa(_) => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect(RANDOM)),
            Method::Ec(_, algorithm) => Self::Ec(EcdsaKeyPair::generate(algorithm).expect(RANDOM)),
            Method::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate().expect(RANDOM)),
            Method::Hmac(algorithm) => {
                let mut secret = vec![0; algorithm.digest_algorithm().output_len()];
                fill(&mut secret).expect(RANDOM);
                Self::Hmac(Secret::new(secret))
            }
        }
    }

    pub(super) fn shared(algorithm: SigningAlgorithm, index: usize) -> Arc<Self> {
        type Keys = Mutex<HashMap<(SigningAlgorithm, usize), Arc<Material>>>;
        static KEYS: LazyLock<Keys> = LazyLock::new(Mutex::default);

        let method = algorithm.method();
        let family = match method {
            Method::Rsa(_) => SigningAlgorithm::RS256,
            Method::Ed25519 => SigningAlgorithm::Ed25519,
            Method::Ec(..) | Method::Hmac(_) => algorithm,
        };
        let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.entry((family, index));
        Arc::clone(key.or_insert_with(|| Arc::new(Self::generate(&method))))
    }

    pub(super) fn fits(&self, method: &Method) -> bool {
        match (self, method) {
            (Self::Ec(pair), Method::Ec(_, algorithm)) => pair.algorithm() == *algorithm,
            (Self::Rsa(_), Method::Rsa(_))
            | (Self::Ed25519(_), Method::Ed25519)
            | (Self::Hmac(_), Method::Hmac(_)) => true,
            _ => false,
        }
    }

    pub(super) fn sign(&self, method: &Method, message: &[u8]) -> Vec<u8> {
        match (self, method) {
            (Self::Rsa(pair), Method::Rsa(encoding)) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature)
                    .expect(RANDOM);
                signature
            }
            (Self::Ec(pair), _) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                signature.expect(RANDOM).as_ref().to_vec()
            }
            (Self::Ed25519(pair), _) => pair.sign(message).as_ref().to_vec(),
            (Self::Hmac(secret), Method::Hmac(algorithm)) => {
                let key = hmac::Key::new(*algorithm, secret.expose());
                hmac::sign(&key, message).as_ref().to_vec()
            }
            (Self::Rsa(_) | Self::Hmac(_), _) => unreachable!("TestKey checks `fits`"),
        }
    }

    /// The members that define the public key: those that RFC 7638 §3.2 requires for a thumbprint.
    pub(super) fn public_members(&self, method: &Method) -> Map<String, Value> {
        match self {
            Self::Rsa(pair) => {
                let integers = integers(pair.public_key().as_ref());
                let named = ["n", "e"].into_iter().zip(integers);
                members([("kty", "RSA".to_owned())], named)
            }
            Self::Ec(pair) => {
                let Method::Ec(curve, _) = method else {
                    unreachable!("TestKey checks `fits`")
                };
                // An uncompressed point: 4, then x and y of equal length (SEC 1 §2.3.3).
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let text = [("kty", "EC".to_owned()), ("crv", (*curve).to_owned())];
                members(text, [("x", x), ("y", y)])
            }
            Self::Ed25519(pair) => {
                let text = [("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned())];
                members(text, [("x", pair.public_key().as_ref())])
            }
            Self::Hmac(secret) => members([("kty", "oct".to_owned())], [("k", secret.expose())]),
        }
    }

    /// The members that [`public_members`](Self::public_members) leaves out.
    pub(super) fn private_members(&self) -> Map<String, Value> {
        match self {
            Self::Rsa(_) => {
                let der = self.private_der();
                // RSAPrivateKey: version, n, e, then the private members (RFC 8017 appendix A.1.2).
                let all = integers(pkcs8_private_key(&der));
                let names = ["d", "p", "q", "dp", "dq", "qi"].into_iter();
                members([], names.zip(all.into_iter().skip(3)))
            }
            Self::Ec(pair) => {
                let scalar: EcPrivateKeyBin<'_> =
                    pair.private_key().as_be_bytes().expect(EXPORTABLE);
                members([], [("d", scalar.as_ref())])
            }
            Self::Ed25519(pair) => {
                let seed = pair.seed().expect(EXPORTABLE);
                let seed = seed.as_be_bytes().expect(EXPORTABLE);
                members([], [("d", seed.as_ref())])
            }
            Self::Hmac(_) => Map::new(),
        }
    }

    pub(super) fn public_der(&self) -> Vec<u8> {
        let der: Result<PublicKeyX509Der<'_>, _> = match self {
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ec(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::Hmac(secret) => return secret.expose().to_vec(),
        };
        der.expect(EXPORTABLE).as_ref().to_vec()
    }

    pub(super) fn private_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().expect(EXPORTABLE);
                der.as_ref().to_vec()
            }
            Self::Ec(pair) => pair.to_pkcs8v1().expect(EXPORTABLE).as_ref().to_vec(),
            Self::Ed25519(pair) => pair.to_pkcs8v1().expect(EXPORTABLE).as_ref().to_vec(),
            Self::Hmac(secret) => secret.expose().to_vec(),
        }
    }
}

/// Sorted by name even with `serde_json/preserve_order`, as the thumbprint requires (RFC 7638 §3.3).
fn members<'a>(
    text: impl IntoIterator<Item = (&'static str, String)>,
    bytes: impl IntoIterator<Item = (&'static str, &'a [u8])>,
) -> Map<String, Value> {
    let bytes = bytes.into_iter();
    let encoded = bytes.map(|(name, bytes)| (name, base64url(bytes)));
    let members: BTreeMap<_, _> = text.into_iter().chain(encoded).collect();
    let members = members.into_iter();
    members
        .map(|(name, text)| (name.to_owned(), text.into()))
        .collect()
}
