//! A private key in the form of the cryptographic library.

use aws_lc_rs::error::KeyRejected as Rejected;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    RsaKeyPair,
};

use super::{SignError, SigningKeyError};
use crate::algorithm::Algorithm;
use crate::key_material::{Curve, EcKey, Ed25519Key, KeyMaterial, KeyRejected, RsaKey};

/// A private key or shared secret, ready to sign with its algorithm. The library wipes it when it is dropped.
pub(super) enum PrivateKey {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Box<hmac::Key>),
}

/// A private key and its public half, which has passed the checks for issuers' keys. Of a shared secret, both are the same.
pub(super) struct KeyPair {
    pub(super) algorithm: Algorithm,
    pub(super) private: PrivateKey,
    pub(super) public: KeyMaterial,
}

impl KeyPair {
    /// `private` is `d`, `p`, `q`, `dp`, `dq` and `qi` (RFC 7518 §6.3.2), big-endian.
    pub(super) fn rsa(
        public: RsaKey,
        private: [&[u8]; 6],
        algorithm: Algorithm,
    ) -> Result<Self, SigningKeyError> {
        let encoding: &dyn RsaEncoding = match algorithm {
            Algorithm::RS256 => &signature::RSA_PKCS1_SHA256,
            Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
            Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
            Algorithm::PS256 => &signature::RSA_PSS_SHA256,
            Algorithm::PS384 => &signature::RSA_PSS_SHA384,
            Algorithm::PS512 => &signature::RSA_PSS_SHA512,
            _ => return Err(KeyRejected::WrongAlgorithm(algorithm).into()),
        };
        let [d, p, q, dp, dq, qi] = private;
        let pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents {
                n: public.modulus(),
                e: public.exponent(),
            },
            d,
            p,
            q,
            dP: dp,
            dQ: dq,
            qInv: qi,
        })
        .map_err(|_| SigningKeyError::Inconsistent)?;
        Ok(Self {
            algorithm,
            private: PrivateKey::Rsa(pair, encoding),
            public: KeyMaterial::Rsa(public),
        })
    }

    /// `read` reads a key of `curve`.
    pub(super) fn ec(
        curve: Curve,
        algorithm: Algorithm,
        read: impl FnOnce(&'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, Rejected>,
    ) -> Result<Self, SigningKeyError> {
        if algorithm != curve.algorithm() {
            return Err(KeyRejected::WrongAlgorithm(algorithm).into());
        }
        let pair = read(match curve {
            Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        })
        .map_err(|_| SigningKeyError::Inconsistent)?;
        let [4, coordinates @ ..] = pair.public_key().as_ref() else {
            return Err(KeyRejected::Backend.into());
        };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        Ok(Self {
            algorithm,
            public: KeyMaterial::Ec(EcKey::new(curve, x, y)?),
            private: PrivateKey::Ec(pair),
        })
    }

    pub(super) fn ed25519(
        algorithm: Algorithm,
        read: impl FnOnce() -> Result<Ed25519KeyPair, Rejected>,
    ) -> Result<Self, SigningKeyError> {
        if algorithm != Algorithm::EdDSA {
            return Err(KeyRejected::WrongAlgorithm(algorithm).into());
        }
        let pair = read().map_err(|_| SigningKeyError::Inconsistent)?;
        Ok(Self {
            algorithm,
            public: KeyMaterial::Ed25519(Ed25519Key::new(pair.public_key().as_ref())?),
            private: PrivateKey::Ed25519(pair),
        })
    }
}

impl PrivateKey {
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)
                    .map(|()| signature)
            }
            Self::Ec(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Self::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec()),
            Self::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
        .map_err(|_| SignError::Library)
    }
}
