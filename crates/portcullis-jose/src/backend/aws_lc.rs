//! The default backend, on AWS-LC.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};

use super::{InvalidSignature, PreparedKey, SignatureBackend};
use crate::algorithm::Algorithm;
use crate::key_material::{KeyMaterial, KeyRejected};

/// Verifies with `aws-lc-rs`; supports every [`Algorithm`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

impl SignatureBackend for AwsLc {
    fn prepare(
        &self,
        key: &KeyMaterial,
        algorithm: Algorithm,
    ) -> Result<Box<dyn PreparedKey>, KeyRejected> {
        if key.family() != algorithm.family() {
            return Err(KeyRejected::WrongAlgorithm { algorithm });
        }
        match key {
            KeyMaterial::Rsa(key) => {
                let parameters =
                    rsa_parameters(algorithm).ok_or(KeyRejected::WrongAlgorithm { algorithm })?;
                let components = RsaPublicKeyComponents {
                    n: key.modulus(),
                    e: key.exponent(),
                };
                let key = components
                    .to_parsed_public_key(parameters)
                    .map_err(|_| KeyRejected::Backend)?;
                Ok(Box::new(PublicKey(key)))
            }
            KeyMaterial::Ec(key) => {
                let parameters =
                    curve_parameters(algorithm).ok_or(KeyRejected::WrongAlgorithm { algorithm })?;
                let key = ParsedPublicKey::new(parameters, key.uncompressed_point())
                    .map_err(|_| KeyRejected::NotOnCurve)?;
                Ok(Box::new(PublicKey(key)))
            }
            KeyMaterial::Ed25519(key) => {
                let key = ParsedPublicKey::new(&signature::ED25519, key.as_bytes())
                    .map_err(|_| KeyRejected::NotOnCurve)?;
                Ok(Box::new(PublicKey(key)))
            }
            KeyMaterial::Secret(key) => {
                let parameters =
                    hmac_parameters(algorithm).ok_or(KeyRejected::WrongAlgorithm { algorithm })?;
                Ok(Box::new(SharedSecret(hmac::Key::new(
                    parameters,
                    key.expose(),
                ))))
            }
        }
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// The fixed-length form of signatures, not DER (RFC 7518 §3.4).
fn curve_parameters(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::ES512 => &signature::ECDSA_P521_SHA512_FIXED,
        _ => return None,
    })
}

fn hmac_parameters(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    Some(match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => return None,
    })
}

struct PublicKey(ParsedPublicKey);

impl PreparedKey for PublicKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0
            .verify_sig(message, signature)
            .map_err(|_| InvalidSignature)
    }
}

struct SharedSecret(hmac::Key);

impl PreparedKey for SharedSecret {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        hmac::verify(&self.0, message, signature).map_err(|_| InvalidSignature)
    }
}
