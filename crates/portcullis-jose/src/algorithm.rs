//! The signature algorithms of the suite, under their registered names, and sets of them.

use std::fmt;
use std::str::FromStr;

use crate::key_material::KeyFamily;

/// A JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
///
/// `none` is not among them: a token that names it has no algorithm at all.
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
    pub const ASYMMETRIC: [Self; 10] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
    ];

    /// Every algorithm keyed with a shared secret.
    pub const SYMMETRIC: [Self; 3] = [Self::HS256, Self::HS384, Self::HS512];

    pub(crate) const COUNT: usize = Self::ASYMMETRIC.len() + Self::SYMMETRIC.len();

    /// Reads a registered name, which is case-sensitive; `None` for `none` and all that is not supported.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::RS256,
            "RS384" => Self::RS384,
            "RS512" => Self::RS512,
            "PS256" => Self::PS256,
            "PS384" => Self::PS384,
            "PS512" => Self::PS512,
            "ES256" => Self::ES256,
            "ES384" => Self::ES384,
            "ES512" => Self::ES512,
            "EdDSA" | "Ed25519" => Self::EdDSA,
            "HS256" => Self::HS256,
            "HS384" => Self::HS384,
            "HS512" => Self::HS512,
            _ => return None,
        })
    }

    /// The registered name; of the two that `EdDSA` has, the older.
    #[must_use]
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
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// The one family of keys this algorithm can be used with.
    pub(crate) const fn family(self) -> KeyFamily {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => {
                KeyFamily::Rsa
            }
            Self::ES256 => KeyFamily::P256,
            Self::ES384 => KeyFamily::P384,
            Self::ES512 => KeyFamily::P521,
            Self::EdDSA => KeyFamily::Ed25519,
            Self::HS256 | Self::HS384 | Self::HS512 => KeyFamily::Secret,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_name(name).ok_or(UnknownAlgorithm)
    }
}

/// A name that is no supported [`Algorithm`].
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a supported signature algorithm")]
#[non_exhaustive]
pub struct UnknownAlgorithm;

impl std::fmt::Debug for UnknownAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}

/// A set of [`Algorithm`]s, two bytes small.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// The set with nothing in it.
    pub const EMPTY: Self = Self(0);

    /// Whether `algorithm` is in the set.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & (1 << algorithm.index()) != 0
    }

    /// Whether every member of `other` is in this set too.
    #[must_use]
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is nothing in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds `algorithm`.
    pub fn insert(&mut self, algorithm: Algorithm) {
        self.0 |= 1 << algorithm.index();
    }

    /// The members, in the order of the enum.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ASYMMETRIC
            .into_iter()
            .chain(Algorithm::SYMMETRIC)
            .filter(move |algorithm| self.contains(*algorithm))
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        let mut set = Self::EMPTY;
        set.extend(algorithms);
        set
    }
}

impl Extend<Algorithm> for AlgorithmSet {
    fn extend<I: IntoIterator<Item = Algorithm>>(&mut self, algorithms: I) {
        for algorithm in algorithms {
            self.insert(algorithm);
        }
    }
}

impl fmt::Debug for AlgorithmSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

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
            assert_eq!(Algorithm::from_name(algorithm.as_str()), Some(algorithm));
        }
        assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDSA));
    }

    #[test]
    fn p1_other_names_and_spellings_are_unknown() {
        for name in [
            "none", "None", "NONE", "", "rs256", "RS256 ", "ES256K", "Ed448", "HS1", "RSA-OAEP",
            "dir",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn indices_are_dense_and_distinct() {
        let indices: Vec<_> = all().map(Algorithm::index).collect();
        assert_eq!(indices, (0..Algorithm::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: AlgorithmSet = [Algorithm::ES256, Algorithm::HS512].into_iter().collect();
        assert!(set.contains(Algorithm::ES256) && set.contains(Algorithm::HS512));
        assert!(!set.contains(Algorithm::ES384));
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Algorithm::ES256, Algorithm::HS512]
        );
        assert!(set.contains_all(AlgorithmSet::EMPTY) && !AlgorithmSet::EMPTY.contains_all(set));
        assert_eq!(format!("{set:?}"), "{ES256, HS512}");
    }
}
