//! Who does the arithmetic of a signature.
//!
//! A [`SignatureBackend`] turns a key into a [`PreparedKey`], once, when a key set is loaded; the prepared key then
//! verifies. The default is [`AwsLc`]; the feature `jsonwebtoken` adds `JsonWebToken`.

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
    /// Prepares `key` for signatures of `algorithm`, and of no other.
    ///
    /// # Errors
    /// If the key does not go with the algorithm, or is not a key: a point off its curve, for instance. That the
    /// library lacks the algorithm is [`KeyRejected::Backend`].
    fn prepare(
        &self,
        key: &KeyMaterial,
        algorithm: Algorithm,
    ) -> Result<Box<dyn PreparedKey>, KeyRejected>;
}

/// A key bound to one algorithm and ready to verify.
pub trait PreparedKey: Send + Sync {
    /// Whether `signature`, in the form JWS has it (RFC 7518 §3), is this key's over `message`.
    ///
    /// # Errors
    /// If it is not, for whichever reason.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature>;
}

/// The signature is not this key's over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct InvalidSignature;
