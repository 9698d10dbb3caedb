//! The numbers a key is made of, checked as far as that needs no cryptography.

mod curve;
mod ed25519;
mod rsa;
mod secret;

pub use self::curve::{Curve, EcKey};
pub use self::ed25519::Ed25519Key;
pub use self::rsa::RsaKey;
pub use self::secret::SecretKey;
use crate::algorithm::Algorithm;
use crate::thumbprint::Thumbprint;

/// What a signature is verified with: a public key, or a secret shared with the issuer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyMaterial {
    /// For `RS*` and `PS*`.
    Rsa(RsaKey),
    /// For `ES*`.
    Ec(EcKey),
    /// For `EdDSA`.
    Ed25519(Ed25519Key),
    /// For `HS*`; never from a key set that was parsed.
    Secret(SecretKey),
}

impl KeyMaterial {
    /// The RFC 7638 thumbprint, or for a secret the random name it got when it was loaded.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        match self {
            Self::Rsa(key) => Thumbprint::of_rsa(key),
            Self::Ec(key) => Thumbprint::of_ec(key),
            Self::Ed25519(key) => Thumbprint::of_ed25519(key),
            Self::Secret(key) => key.identity(),
        }
    }

    pub(crate) fn family(&self) -> KeyFamily {
        match self {
            Self::Rsa(_) => KeyFamily::Rsa,
            Self::Ec(key) => key.curve().family(),
            Self::Ed25519(_) => KeyFamily::Ed25519,
            Self::Secret(_) => KeyFamily::Secret,
        }
    }
}

/// Keys that the same algorithms can use: a `kty` and, where there is one, its `crv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFamily {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
    Secret,
}

/// Why a key's numbers cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRejected {
    /// RFC 7518 §3.3 asks for 2048 bits at least.
    #[error("the RSA modulus has {bits} bits, fewer than 2048")]
    RsaTooSmall {
        /// Its length.
        bits: usize,
    },
    /// More than 8192 bits: the cost of one verification would be the issuer's to choose.
    #[error("the RSA modulus has {bits} bits, more than 8192")]
    RsaTooLarge {
        /// Its length.
        bits: usize,
    },
    /// Even, so it is no product of two large primes.
    #[error("the RSA modulus is even")]
    RsaModulusEven,
    /// Has the fingerprint of keys from a generator whose primes can be found (CVE-2017-15361).
    #[error("the RSA modulus has the fingerprint of the ROCA weakness")]
    RsaWeakGenerator,
    /// Even, below 3, or above 32 bits.
    #[error("the RSA exponent is not an odd number from 3 to 2^32 - 1")]
    RsaExponent,
    /// RFC 7518 §6.2.1.2: exactly as many octets as the curve's field has.
    #[error("a coordinate is not of the length of the curve")]
    CoordinateLength,
    /// An Ed25519 point of small order, all zeros for instance: anyone can sign under it.
    #[error("the Ed25519 key is a point of small order")]
    Ed25519SmallOrder,
    /// Not a point of the curve.
    #[error("not a point on the curve")]
    NotOnCurve,
    /// RFC 7518 §3.2: at least as long as the output of the hash.
    #[error("the secret has {bytes} bytes, fewer than the {required} that {algorithm} requires")]
    SecretTooShort {
        /// The algorithm it was configured for.
        algorithm: Algorithm,
        /// Its length.
        bytes: usize,
        /// The length required.
        required: usize,
    },
    /// The algorithm does not go with this kind of key.
    #[error("the key cannot be used with {algorithm}")]
    WrongAlgorithm {
        /// The algorithm that was asked for.
        algorithm: Algorithm,
    },
    /// The cryptographic library refuses the key.
    #[error("the cryptographic library refuses the key")]
    Backend,
}
