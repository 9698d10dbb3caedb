//! The default backend, on AWS-LC.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};

use super::{InvalidSignature, PreparedKey, SignatureBackend};
use crate::algorithm::Algorithm;
use crate::key_material::{KeyMaterial, KeyRejected, RsaKey};

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
            (Rsa(key), RS256) => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA256),
            (Rsa(key), RS384) => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA384),
            (Rsa(key), RS512) => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA512),
            (Rsa(key), PS256) => rsa(key, &signature::RSA_PSS_2048_8192_SHA256),
            (Rsa(key), PS384) => rsa(key, &signature::RSA_PSS_2048_8192_SHA384),
            (Rsa(key), PS512) => rsa(key, &signature::RSA_PSS_2048_8192_SHA512),
            (Ec(key), ES256) => public_key(key.uncompressed_point(), &ECDSA_P256_SHA256_FIXED),
            (Ec(key), ES384) => public_key(key.uncompressed_point(), &ECDSA_P384_SHA384_FIXED),
            (Ec(key), ES512) => public_key(key.uncompressed_point(), &ECDSA_P521_SHA512_FIXED),
            (Ed25519(key), EdDSA) => public_key(key.as_bytes(), &signature::ED25519),
            (Secret(key), _) => Ok(Box::new(hmac_key(key.expose(), algorithm)?)),
            _ => Err(KeyRejected::WrongAlgorithm(algorithm)),
        }
    }
}

fn rsa(
    key: &RsaKey,
    parameters: &'static RsaParameters,
) -> Result<Box<dyn PreparedKey>, KeyRejected> {
    let components = RsaPublicKeyComponents {
        n: key.modulus(),
        e: key.exponent(),
    };
    let key = components.to_parsed_public_key(parameters);
    Ok(Box::new(key.map_err(|_| KeyRejected::Backend)?))
}

fn public_key(
    point: &[u8],
    parameters: &'static dyn VerificationAlgorithm,
) -> Result<Box<dyn PreparedKey>, KeyRejected> {
    let key = ParsedPublicKey::new(parameters, point);
    Ok(Box::new(key.map_err(|_| KeyRejected::NotOnCurve)?))
}

pub(crate) fn hmac_key(secret: &[u8], algorithm: Algorithm) -> Result<hmac::Key, KeyRejected> {
    let parameters = match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => return Err(KeyRejected::WrongAlgorithm(algorithm)),
    };
    Ok(hmac::Key::new(parameters, secret))
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
