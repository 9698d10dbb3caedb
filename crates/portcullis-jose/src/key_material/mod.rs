//! The numbers of a key, with the checks that need no cryptography.

mod curve;
mod ec;
mod ed25519;
mod rejected;
mod rsa;
mod secret;

use portcullis_core::Secret;

pub(crate) use self::curve::Curve;
pub use self::rejected::KeyRejected;
pub(crate) use self::secret::hmac_key;
use crate::algorithm::Algorithm;
use crate::base64url::encode;
use crate::thumbprint::Thumbprint;

/// A key that verifies signatures: a public key, or a secret shared with the issuer. Its numbers passed all checks that
/// need no cryptography.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyMaterial {
    /// For `RS*` and `PS*`. Both numbers are big-endian, without leading zeros.
    #[non_exhaustive]
    Rsa {
        /// 2048 to 8192 bits.
        modulus: Box<[u8]>,
        /// At most 32 bits.
        exponent: Box<[u8]>,
    },
    /// For `ES*`.
    #[non_exhaustive]
    Ec {
        /// The algorithm of the curve.
        algorithm: Algorithm,
        /// The uncompressed point (SEC 1 §2.3.3), which the backend must check to be on the curve.
        point: Box<[u8]>,
    },
    /// For `EdDSA`: the encoded point (RFC 8037 §2), which the backend must check to be on the curve.
    #[non_exhaustive]
    Ed25519([u8; 32]),
    /// For `HS*`. Never read from a JWK Set.
    #[non_exhaustive]
    Secret {
        /// Long enough for its algorithm.
        secret: Secret,
        /// A random value in place of a thumbprint.
        identity: Thumbprint,
    },
}

impl KeyMaterial {
    /// Whether `algorithm` is used with keys of this type and curve.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::*;

        match self {
            Self::Rsa { .. } => matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512),
            Self::Ec { algorithm: own, .. } => algorithm == *own,
            Self::Ed25519(_) => algorithm == EdDSA,
            Self::Secret { .. } => algorithm.is_symmetric(),
        }
    }

    /// The RFC 7638 thumbprint of a public key. For a secret, a random value made when the secret was loaded.
    pub fn thumbprint(&self) -> Thumbprint {
        match self {
            Self::Secret { identity, .. } => *identity,
            _ => Thumbprint::of_json(&self.public_jwk().unwrap_or_default()),
        }
    }

    /// The public JWK with the required members only, in lexical order and without white space (RFC 7638 §3).
    pub(crate) fn public_jwk(&self) -> Option<String> {
        Some(match self {
            Self::Rsa { modulus, exponent } => {
                let (e, n) = (encode(exponent), encode(modulus));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
            Self::Ec { algorithm, point } => {
                let crv = Curve::of(*algorithm).ok()?.name;
                let (x, y) = point[1..].split_at(point.len() / 2);
                let (x, y) = (encode(x), encode(y));
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519(point) => {
                let x = encode(point);
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
            Self::Secret { .. } => return None,
        })
    }
}
