//! The cryptographic libraries that verify signatures.
//!
//! A [`SignatureBackend`] turns each key into a [`PreparedKey`] when a key set is loaded. The default is [`AwsLc`]; the
//! feature `jsonwebtoken` adds `JsonWebToken`.

mod aws_lc;
#[cfg(feature = "jsonwebtoken")]
mod json_web_token;

use std::fmt;

pub use self::aws_lc::AwsLc;
#[cfg(feature = "jsonwebtoken")]
pub use self::json_web_token::JsonWebToken;
use crate::algorithm::Algorithm;
use crate::key_material::{KeyMaterial, KeyRejected};

/// A cryptographic library.
pub trait SignatureBackend: fmt::Debug + Send + Sync {
    /// Prepares `key` for signatures of `algorithm` alone. The type and curve of the key fit the algorithm.
    ///
    /// # Errors
    ///
    /// If the key is invalid: a point off its curve, for instance. If the library lacks the algorithm, the error is
    /// [`KeyRejected::UnsupportedAlgorithm`].
    fn prepare(
        &self,
        key: &KeyMaterial,
        algorithm: Algorithm,
    ) -> Result<Box<dyn PreparedKey>, KeyRejected>;
}

/// A key bound to one algorithm and ready to verify.
pub trait PreparedKey: Send + Sync {
    /// Verifies `signature`, in the form of JWS (RFC 7518 §3), over `message`.
    ///
    /// # Errors
    ///
    /// If the signature is not valid, for any reason.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature>;
}

/// The signature is not valid for this key and message.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not valid for this key and message: check that both are the right ones")]
pub struct InvalidSignature;

portcullis_core::debug_as_report!(InvalidSignature);
