//! JSON Web Keys (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).

mod raw;

pub(crate) use self::raw::{PUBLIC, RawJwk};
use crate::json::JsonError;
use crate::key_material::KeyRejected;

/// Why a key of a set is unusable. The other keys of the set are used. Values of the key are escaped.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// Not a JSON object with unique members.
    #[error("the key {0}: correct the JWK (lines and bytes count from its `{{`)")]
    Json(JsonError),
    /// A required member is absent.
    #[error("its `{0}` is missing: correct the JWK")]
    Missing(&'static str),
    /// A member has the wrong type, or is not base64url where it should be.
    #[error("its `{0}` has a wrong type, a wrong length, or is not base64url: correct the member")]
    Malformed(&'static str),
    /// `kty` is not `RSA`, `EC` or `OKP`.
    #[error("its `kty` is \"{0}\", not `RSA`, `EC` or `OKP`: use a key of these types")]
    UnsupportedType(String),
    /// `kty` is `oct`. A published secret is not secret.
    #[error(
        "a shared secret (`oct`): if others can read this set, replace the secret; in code, `KeySet::from_secret` accepts it"
    )]
    Symmetric,
    /// `crv` is not `P-256`, `P-384`, `P-521` or `Ed25519`.
    #[error("its `crv` is \"{0}\": use `P-256`, `P-384`, `P-521` (`EC`) or `Ed25519` (`OKP`)")]
    UnsupportedCurve(String),
    /// The key is for encryption by its `use`, `key_ops`, `alg` or `crv`. This is not a mistake of the issuer.
    #[error("the key is for encryption, not for signatures")]
    Encryption,
    /// `use` is neither `sig` nor `enc` (RFC 7517 §4.2).
    #[error("its `use` is \"{0}\", not `sig`: if the key is for signatures, correct the JWK")]
    OtherUse(String),
    /// `key_ops` does not list `verify` (RFC 7517 §4.3).
    #[error("its `key_ops` does not list `verify`: if the key is for signatures, correct the JWK")]
    OtherOperations,
    /// `alg` is not supported, or does not fit `kty` and `crv` (RFC 7517 §4.4).
    #[error("its `alg` is \"{0}\", unsupported or unfit for its `kty` and `crv`: correct the JWK")]
    OtherAlgorithm(String),
    /// `kid` is longer than [`Header::MAX_KID_BYTES`](crate::Header::MAX_KID_BYTES).
    #[error("its `kid` is longer than 256 bytes, a fixed limit: shorten it")]
    KidTooLong,
    /// The numbers of the key cannot be used.
    #[error(transparent)]
    Rejected(#[from] KeyRejected),
    /// The set already has this key with the same `kid` for the same algorithms.
    #[error("the same key is in the set twice, and is used once")]
    Duplicate,
}

portcullis_core::debug_as_report!(SkipReason);

/// A deviation of a key set from the standards that leaves no doubt about the key, and is accepted.
///
/// A key set comes from a trusted issuer over an authenticated connection. Tokens, which anyone may send, are read
/// strictly.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Deviation {
    /// The document begins with a byte order mark (RFC 8259 §8.1).
    #[error("the key set begins with a byte order mark")]
    ByteOrderMark,
    /// The number in this member has padding, or is in the standard alphabet of Base64 (RFC 7518 §2).
    #[error("`{0}` is padded or in the standard Base64 alphabet, not base64url")]
    Base64(&'static str),
    /// The coordinate in this member has additional leading zero bytes, or lacks its leading zero byte (RFC 7518
    /// §6.2.1.2).
    #[error("`{0}` is longer or shorter than a coordinate of the curve")]
    CoordinateLength(&'static str),
    /// This member is `null`. It counts as absent.
    #[error("`{0}` is null")]
    Null(&'static str),
    /// `key_ops` is empty. It counts as absent (RFC 7517 §4.3).
    #[error("`key_ops` is empty")]
    EmptyKeyOps,
}

portcullis_core::debug_as_report!(Deviation);

#[cfg(test)]
mod tests;
