//! The default backend, on AWS-LC.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    ParsedPublicKey, RsaPublicKeyComponents, VerificationAlgorithm,
};

use super::{InvalidSignature, PreparedKey, SignatureBackend};
use crate::algorithm::Algorithm;
use crate::key_material::{KeyMaterial, KeyRejected, hmac_key};

/// Verifies with `aws-lc-rs`; supports every [`Algorithm`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

impl SignatureBackend for AwsLc {
    /// ECDSA signatures have the fixed-length form, not DER (RFC 7518 §3.4).
    fn prepare(
        &self,
        key: &KeyMaterial,
        algorithm: Algorithm,
    ) -> Result<Box<dyn PreparedKey>, KeyRejected> {
        use Algorithm::*;
        use KeyMaterial::{Ec, Ed25519, Rsa, Secret};

        match (key, algorithm) {
            (Rsa { modulus, exponent }, _) => {
                let key = RsaPublicKeyComponents {
                    n: &**modulus,
                    e: &**exponent,
                };
                let key = key.to_parsed_public_key(match algorithm {
                    RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    PS256 => &signature::RSA_PSS_2048_8192_SHA256,
                    PS384 => &signature::RSA_PSS_2048_8192_SHA384,
                    PS512 => &signature::RSA_PSS_2048_8192_SHA512,
                    _ => return Err(KeyRejected::WrongAlgorithm(algorithm)),
                });
                Ok(Box::new(key.map_err(|_| KeyRejected::Backend)?))
            }
            (Ec { point, .. }, ES256) => public_key(point, &ECDSA_P256_SHA256_FIXED),
            (Ec { point, .. }, ES384) => public_key(point, &ECDSA_P384_SHA384_FIXED),
            (Ec { point, .. }, ES512) => public_key(point, &ECDSA_P521_SHA512_FIXED),
            (Ed25519(point), EdDSA) => public_key(point, &signature::ED25519),
            (Secret { secret, .. }, _) => Ok(Box::new(hmac_key(secret.expose(), algorithm)?)),
            _ => Err(KeyRejected::WrongAlgorithm(algorithm)),
        }
    }
}

fn public_key(
    point: &[u8],
    parameters: &'static dyn VerificationAlgorithm,
) -> Result<Box<dyn PreparedKey>, KeyRejected> {
    let key = ParsedPublicKey::new(parameters, point);
    Ok(Box::new(key.map_err(|_| KeyRejected::NotOnCurve)?))
}

impl PreparedKey for ParsedPublicKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.verify_sig(message, signature)
            .map_err(|_| InvalidSignature)
    }
}

impl PreparedKey for hmac::Key {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        hmac::verify(self, message, signature).map_err(|_| InvalidSignature)
    }
}
