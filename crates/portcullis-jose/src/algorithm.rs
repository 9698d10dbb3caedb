//! The supported signature algorithms and their registered names.

use std::fmt;
use std::str::FromStr;

/// A JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
///
/// `none` is not one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// EdDSA on Ed25519, the only curve supported.
    ///
    /// Also named `Ed25519` (RFC 9864 §2.2); both names mean the same here.
    EdDSA,
    /// HMAC with SHA-256. Only with a secret configured through [`KeySet::from_secret`](crate::KeySet::from_secret).
    HS256,
    /// HMAC with SHA-384. Only with a secret configured through [`KeySet::from_secret`](crate::KeySet::from_secret).
    HS384,
    /// HMAC with SHA-512. Only with a secret configured through [`KeySet::from_secret`](crate::KeySet::from_secret).
    HS512,
}

impl Algorithm {
    /// Every algorithm whose verification key is public.
    pub const ASYMMETRIC: [Self; 10] = {
        use Algorithm::*;
        [
            RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA,
        ]
    };

    /// Every algorithm keyed with a shared secret.
    pub const SYMMETRIC: [Self; 3] = [Self::HS256, Self::HS384, Self::HS512];

    /// The registered name. For [`EdDSA`](Self::EdDSA) it is `EdDSA`, not `Ed25519`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// Whether the key is a secret that verifier and issuer share.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a registered name, which is case-sensitive. `none` is an error.
impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "Ed25519" {
            return Ok(Self::EdDSA);
        }
        Self::ASYMMETRIC
            .into_iter()
            .chain(Self::SYMMETRIC)
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or(UnknownAlgorithm)
    }
}

/// The name of an algorithm that is not supported.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a supported signature algorithm: use one such as ES256 or EdDSA (case-sensitive)")]
#[non_exhaustive]
pub struct UnknownAlgorithm;

portcullis_core::debug_as_report!(UnknownAlgorithm);

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Algorithm> {
        Algorithm::ASYMMETRIC
            .into_iter()
            .chain(Algorithm::SYMMETRIC)
    }

    #[test]
    fn names_round_trip() {
        for algorithm in all() {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDSA));
    }

    #[test]
    fn p1_unknown_algorithm_names_are_rejected() {
        for name in [
            "none", "None", "NONE", "", "rs256", "RS256 ", "ES256K", "Ed448", "HS1", "RSA-OAEP",
            "dir",
        ] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name:?}");
        }
    }
}
