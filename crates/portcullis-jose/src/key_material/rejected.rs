//! Keys that are refused.

use crate::algorithm::Algorithm;

/// Why a key cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRejected {
    /// Fewer than 2048 bits (RFC 7518 §3.3).
    #[error("the RSA key is too small: its modulus (`n`) has {0} bits; use at least 2048")]
    RsaTooSmall(usize),
    /// More than 8192 bits: one verification would cost too much.
    #[error("the RSA key is too large: its modulus (`n`) has {0} bits; use at most 8192")]
    RsaTooLarge(usize),
    /// Even, so not a product of two large primes.
    #[error("not a valid RSA key: its modulus (`n`) is even, so replace the key")]
    RsaModulusEven,
    /// The fingerprint of a generator whose keys can be factored (CVE-2017-15361).
    #[error("the RSA key is unsafe (ROCA weakness) and must be replaced: anyone can forge with it")]
    RsaWeakGenerator,
    /// Even, below 3, or above 32 bits.
    #[error("invalid RSA key: its `e` must be odd, from 3 to 2^32 - 1; nearly all keys have 65537")]
    RsaExponent,
    /// Not as many octets as the field of the curve (RFC 7518 §6.2.1.2).
    #[error("invalid key: its point is compressed or of a wrong length; export it again")]
    CoordinateLength,
    /// An Ed25519 point of small order, for instance all zeros, for which anyone can make signatures.
    #[error("the Ed25519 key must be replaced: anyone can forge its signatures (small order)")]
    Ed25519SmallOrder,
    /// Not a point of the curve.
    #[error("not a valid key: its coordinates are not a point on the curve: export the key again")]
    NotOnCurve,
    /// Shorter than the output of the hash (RFC 7518 §3.2).
    #[error("the secret has {bytes} bytes, {algorithm} needs {required} or more: get a longer one")]
    SecretTooShort {
        /// The algorithm of the secret.
        algorithm: Algorithm,
        /// Its length.
        bytes: usize,
        /// The length required.
        required: usize,
    },
    /// The algorithm is for keys of another type or curve.
    #[error("the key is not one for {0}: use an algorithm for its type and curve, or another key")]
    WrongAlgorithm(Algorithm),
    /// The cryptographic library does not have the algorithm.
    #[error("the cryptographic library lacks {0}: use another kind of key, or backend `AwsLc`")]
    UnsupportedAlgorithm(Algorithm),
    /// The cryptographic library rejects the key.
    #[error("the key could not be loaded, without a reason: try again, then replace it")]
    Backend,
}

portcullis_core::debug_as_report!(KeyRejected);
