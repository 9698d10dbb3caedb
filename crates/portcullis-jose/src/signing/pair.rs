//! The key as the cryptographic library has it.

use aws_lc_rs::error::KeyRejected as Refused;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    RsaKeyPair,
};
use pkcs1::RsaPublicKeyRef;
use spki::der::Decode as _;

use super::{SignError, SigningKeyError};
use crate::algorithm::Algorithm;
use crate::key_material::{Curve, EcKey, Ed25519Key, KeyMaterial, KeyRejected, RsaKey, SecretKey};

/// A private key, and what it takes to sign with it. The library wipes it when it is dropped.
pub(super) enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair, Curve),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    /// `private` are `d`, `p`, `q`, `dp`, `dq` and `qi` (RFC 7518 §6.3.2), big-endian.
    pub(super) fn rsa(
        public: &RsaKey,
        private: [&[u8]; 6],
        algorithm: Algorithm,
    ) -> Result<Self, SigningKeyError> {
        let Method::Rsa(encoding) = Method::of(algorithm) else {
            return Err(wrong(algorithm));
        };
        let [d, p, q, dp, dq, qi] = private;
        let public_key = PublicKeyComponents {
            n: public.modulus(),
            e: public.exponent(),
        };
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
        Ok(Self::Rsa(pair, encoding))
    }

    /// `open` reads a key of `curve`, which must be that of `algorithm`.
    pub(super) fn ec(
        curve: Curve,
        algorithm: Algorithm,
        open: impl FnOnce(&'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, Refused>,
    ) -> Result<Self, SigningKeyError> {
        match Method::of(algorithm) {
            Method::Ec(of, parameters) if of == curve => {
                let pair = open(parameters).map_err(|_| SigningKeyError::Inconsistent)?;
                Ok(Self::Ec(pair, curve))
            }
            _ => Err(wrong(algorithm)),
        }
    }

    /// The curve that `algorithm` uses.
    pub(super) fn curve(algorithm: Algorithm) -> Result<Curve, SigningKeyError> {
        match Method::of(algorithm) {
            Method::Ec(curve, _) => Ok(curve),
            _ => Err(wrong(algorithm)),
        }
    }

    pub(super) fn ed25519(
        algorithm: Algorithm,
        open: impl FnOnce() -> Result<Ed25519KeyPair, Refused>,
    ) -> Result<Self, SigningKeyError> {
        let Method::Ed25519 = Method::of(algorithm) else {
            return Err(wrong(algorithm));
        };
        let pair = open().map_err(|_| SigningKeyError::Inconsistent)?;
        Ok(Self::Ed25519(pair))
    }

    /// The public half, held to the same rules as those of issuers.
    pub(super) fn public(&self) -> Result<KeyMaterial, KeyRejected> {
        Ok(match self {
            Self::Rsa(pair, _) => {
                let key = RsaPublicKeyRef::from_der(pair.public_key().as_ref())
                    .map_err(|_| KeyRejected::Backend)?;
                KeyMaterial::Rsa(RsaKey::new(
                    key.modulus.as_bytes(),
                    key.public_exponent.as_bytes(),
                )?)
            }
            Self::Ec(pair, curve) => {
                let [4, coordinates @ ..] = pair.public_key().as_ref() else {
                    return Err(KeyRejected::Backend);
                };
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                KeyMaterial::Ec(EcKey::new(*curve, x, y)?)
            }
            Self::Ed25519(pair) => {
                KeyMaterial::Ed25519(Ed25519Key::new(pair.public_key().as_ref())?)
            }
        })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)
                    .map(|()| signature)
            }
            Self::Ec(pair, _) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Self::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec()),
        }
        .map_err(|_| SignError::Library)
    }
}

/// The key of one of `HS*`.
pub(super) fn hmac_key(
    secret: &SecretKey,
    algorithm: Algorithm,
) -> Result<hmac::Key, SigningKeyError> {
    let Method::Hmac(parameters) = Method::of(algorithm) else {
        return Err(wrong(algorithm));
    };
    Ok(hmac::Key::new(parameters, secret.expose()))
}

fn wrong(algorithm: Algorithm) -> SigningKeyError {
    KeyRejected::WrongAlgorithm { algorithm }.into()
}

/// An algorithm in the terms of the library.
enum Method {
    Rsa(&'static dyn RsaEncoding),
    Ec(Curve, &'static EcdsaSigningAlgorithm),
    Ed25519,
    Hmac(hmac::Algorithm),
}

impl Method {
    /// For ECDSA, the fixed-length form of signatures, not DER (RFC 7518 §3.4).
    fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RS256 => Self::Rsa(&signature::RSA_PKCS1_SHA256),
            Algorithm::RS384 => Self::Rsa(&signature::RSA_PKCS1_SHA384),
            Algorithm::RS512 => Self::Rsa(&signature::RSA_PKCS1_SHA512),
            Algorithm::PS256 => Self::Rsa(&signature::RSA_PSS_SHA256),
            Algorithm::PS384 => Self::Rsa(&signature::RSA_PSS_SHA384),
            Algorithm::PS512 => Self::Rsa(&signature::RSA_PSS_SHA512),
            Algorithm::ES256 => Self::Ec(Curve::P256, &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => Self::Ec(Curve::P384, &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::ES512 => Self::Ec(Curve::P521, &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDSA => Self::Ed25519,
            Algorithm::HS256 => Self::Hmac(hmac::HMAC_SHA256),
            Algorithm::HS384 => Self::Hmac(hmac::HMAC_SHA384),
            Algorithm::HS512 => Self::Hmac(hmac::HMAC_SHA512),
        }
    }
}
