//! A JWK Set (RFC 7517 §5), read key by key.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{KeySet, VerificationKey};
use crate::backend::SignatureBackend;
use crate::json::{self, IgnoredUnique, JsonError, Members};
use crate::jwk::{RawJwk, SkipReason};

/// Why a JWK Set as a whole cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Larger than [`KeySet::MAX_BYTES`].
    #[error("the key set is larger than {} bytes", KeySet::MAX_BYTES)]
    TooLarge,
    /// Not a JSON object with unique members, or `keys` is not an array.
    #[error("the key set {0}")]
    Json(JsonError),
    /// No member `keys`.
    #[error("the key set has no `keys`")]
    NoKeysMember,
    /// `keys` is empty.
    #[error("the key set is empty")]
    Empty,
    /// Every key was skipped.
    #[error("none of the {skipped} keys of the set can be used; the first: {first}")]
    NothingUsable {
        /// How many.
        skipped: usize,
        /// Why the first of them was.
        first: SkipReason,
    },
    /// More than [`KeySet::MAX_KEYS`] are usable.
    #[error("the key set has more than {} usable keys", KeySet::MAX_KEYS)]
    TooManyKeys,
}

/// A key that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedKey {
    /// Its name, if it has one that is well-formed. The issuer's text: escape it before it is logged.
    pub kid: Option<Box<str>>,
    /// Why it is not used.
    pub reason: SkipReason,
}

/// The keys that are not used: all are counted, the first few remembered.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    pub(super) count: usize,
    pub(super) first: Vec<SkippedKey>,
}

impl Skipped {
    fn add(&mut self, kid: Option<Box<str>>, reason: SkipReason) {
        self.count += 1;
        if self.first.len() < KeySet::MAX_KEYS {
            self.first.push(SkippedKey { kid, reason });
        }
    }
}

pub(super) fn parse(json: &[u8], backend: &dyn SignatureBackend) -> Result<KeySet, KeySetError> {
    if json.len() > KeySet::MAX_BYTES {
        return Err(KeySetError::TooLarge);
    }
    let document: Document<'_> = json::from_slice(json).map_err(KeySetError::Json)?;
    let entries = document.keys.ok_or(KeySetError::NoKeysMember)?;
    let mut keys = Vec::new();
    let mut skipped = Skipped::default();
    let mut private_members = 0;
    for entry in entries {
        let raw = match RawJwk::parse(entry.get().as_bytes()) {
            Ok(raw) => raw,
            Err(reason) => {
                skipped.add(None, reason);
                continue;
            }
        };
        private_members += usize::from(raw.has_private_members());
        let kid = raw.kid().map(Box::from);
        match usable(raw, &keys, backend) {
            Ok(key) => keys.push(key),
            Err(reason) => skipped.add(kid, reason),
        }
        if keys.len() > KeySet::MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
    }
    if keys.is_empty() {
        return Err(skipped.first.first().map_or(KeySetError::Empty, |first| {
            KeySetError::NothingUsable {
                skipped: skipped.count,
                first: first.reason,
            }
        }));
    }
    Ok(KeySet {
        skipped,
        private_members,
        ..KeySet::new(keys)
    })
}

fn usable(
    raw: RawJwk<'_>,
    earlier: &[VerificationKey],
    backend: &dyn SignatureBackend,
) -> Result<VerificationKey, SkipReason> {
    let jwk = raw.check()?;
    let key = VerificationKey::prepare(jwk.kid(), jwk.material(), jwk.algorithms(), backend)?;
    let is_known = earlier.iter().any(|other| {
        other.kid() == key.kid()
            && other.thumbprint() == key.thumbprint()
            && other.algorithms().contains_all(key.algorithms())
    });
    if is_known {
        Err(SkipReason::Duplicate)
    } else {
        Ok(key)
    }
}

#[derive(Default)]
struct Document<'j> {
    keys: Option<Vec<&'j RawValue>>,
}

impl<'de> Deserialize<'de> for Document<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DocumentVisitor;

        impl<'de> Visitor<'de> for DocumentVisitor {
            type Value = Document<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut document = Document::default();
                let mut members = Members::new();
                while let Some(name) = members.next(&mut map)? {
                    if name == "keys" {
                        document.keys = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredUnique>()?;
                    }
                }
                Ok(document)
            }
        }

        deserializer.deserialize_map(DocumentVisitor)
    }
}
