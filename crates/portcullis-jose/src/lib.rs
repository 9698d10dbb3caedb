//! JSON Object Signing and Encryption, as far as a machine's tokens need it: JSON Web Signatures, key sets, signing keys
//! and DPoP proofs.
//!
//! Everything here is sans-IO: bytes in, a decision out. Claims and profiles are the work of `portcullis-jwt`.

mod algorithm;
pub mod backend;
mod base64url;
mod dpop;
mod header;
#[doc(hidden)]
pub mod json;
mod jwk;
mod jws;
mod jws_error;
mod key_material;
mod key_set;
mod pem;
mod signing;
#[cfg(test)]
mod testing;
mod thumbprint;

pub use self::algorithm::{Algorithm, UnknownAlgorithm};
pub use self::dpop::{DpopKey, DpopRequest};
pub use self::header::Header;
pub use self::json::JsonError;
pub use self::jwk::{Deviation, SkipReason};
pub use self::jws::{CompactJws, TokenLimits};
pub use self::jws_error::JwsError;
pub use self::key_material::{KeyMaterial, KeyRejected};
pub use self::key_set::{
    Finding, KeySet, KeySetError, KeySetReport, PemError, SignatureError, VerificationKey,
};
pub use self::signing::{SignError, SigningKey, SigningKeyError, random_jti};
pub use self::thumbprint::Thumbprint;
