//! A private key in the form of the cryptographic library.

use aws_lc_rs::error::{KeyRejected as Rejected, Unspecified};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    RsaKeyPair,
};
use portcullis_core::Secret;

use super::{SignError, SigningKeyError};
use crate::algorithm::Algorithm;
use crate::key_material::{Curve, KeyMaterial, KeyRejected, hmac_key};

/// A private key and its public half, or a shared secret. `public` has passed the checks for issuers' keys.
pub(super) struct KeyPair {
    pub(super) algorithm: Algorithm,
    /// The public half of a private key; or the shared secret itself, which has no public half.
    pub(super) public: KeyMaterial,
    /// Signs with the private key that it owns. The library wipes the key when it is dropped.
    sign: Box<Sign>,
}

type Sign = dyn Fn(&[u8]) -> Result<Vec<u8>, Unspecified> + Send + Sync;

impl KeyPair {
    /// `private` is `d`, `p`, `q`, `dp`, `dq` and `qi` (RFC 7518 §6.3.2), big-endian.
    pub(super) fn rsa(
        public: KeyMaterial,
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
        let KeyMaterial::Rsa { modulus, exponent } = &public else {
            return Err(KeyRejected::WrongAlgorithm(algorithm).into());
        };
        let (n, e): (&[u8], &[u8]) = (modulus, exponent);
        let public_key = PublicKeyComponents { n, e };
        let [d, p, q, dp, dq, qi] = private;
        let pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key,
            d,
            p,
            q,
            dP: dp,
            dQ: dq,
            qInv: qi,
        })
        .map_err(|_| SigningKeyError::Inconsistent)?;
        let sign = move |message: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), message, &mut signature)?;
            Ok(signature)
        };
        Ok(Self {
            algorithm,
            public,
            sign: Box::new(sign),
        })
    }

    pub(super) fn ec(
        curve: &Curve,
        algorithm: Algorithm,
        read: impl FnOnce(&'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, Rejected>,
    ) -> Result<Self, SigningKeyError> {
        if algorithm != curve.algorithm {
            return Err(KeyRejected::WrongAlgorithm(algorithm).into());
        }
        let pair = read(curve.signing).map_err(|_| SigningKeyError::Inconsistent)?;
        Ok(Self {
            algorithm,
            public: curve.key(pair.public_key().as_ref())?,
            sign: Box::new(move |message| {
                let signature = pair.sign(&SystemRandom::new(), message)?;
                Ok(signature.as_ref().to_vec())
            }),
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
            public: KeyMaterial::ed25519(pair.public_key().as_ref())?,
            sign: Box::new(move |message| Ok(pair.try_sign(message)?.as_ref().to_vec())),
        })
    }

    pub(super) fn secret(secret: &Secret, algorithm: Algorithm) -> Result<Self, KeyRejected> {
        let key = hmac_key(secret.expose(), algorithm)?;
        Ok(Self {
            algorithm,
            public: KeyMaterial::secret(algorithm, secret.clone())?,
            sign: Box::new(move |message| Ok(hmac::sign(&key, message).as_ref().to_vec())),
        })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        (self.sign)(message).map_err(|_| SignError::Library)
    }
}
