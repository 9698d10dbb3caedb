use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use aws_lc_rs::error::Unspecified;

use super::invalid::InvalidApiKey;
use crate::base62;

/// The public part of a key: twelve base62 digits. Stores look keys up by it, and people name keys by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiKeyId([u8; Self::LENGTH]);

impl ApiKeyId {
    pub(crate) const LENGTH: usize = 12;

    /// A new id of 71 random bits. A store must still reject an id that it has already.
    pub(crate) fn random() -> Result<Self, Unspecified> {
        let mut digits = [0; Self::LENGTH];
        base62::fill_random(&mut digits)?;
        Ok(Self(digits))
    }

    pub(crate) fn from_bytes(text: &[u8]) -> Option<Self> {
        let digits: [u8; Self::LENGTH] = text.try_into().ok()?;
        base62::is_base62(&digits).then_some(Self(digits))
    }

    /// An id of base62 digits.
    pub(crate) fn from_digits(digits: [u8; Self::LENGTH]) -> Self {
        debug_assert!(base62::is_base62(&digits));
        Self(digits)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The id is always ASCII, so the default is never used.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Hash for ApiKeyId {
    /// Without the length, which is constant.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl FromStr for ApiKeyId {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        Self::from_bytes(text.as_bytes()).ok_or(InvalidApiKey::Id)
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_has_twelve_digits() {
        for bad in [
            "",
            "4fXq0ZbT9kL",
            "4fXq0ZbT9kLm1",
            "4fXq0ZbT9k_m",
            "4fXq0ZbT9kL ",
            "4fXq0ZbT9kü",
            "../../passwd",
            "4fXq0ZbT9k\r\n",
        ] {
            assert_eq!(bad.parse::<ApiKeyId>(), Err(InvalidApiKey::Id), "{bad:?}");
        }
    }

    #[test]
    fn random_ids_differ() {
        let ids: std::collections::HashSet<_> =
            (0..1_000).filter_map(|_| ApiKeyId::random().ok()).collect();
        assert_eq!(ids.len(), 1_000);
    }
}
