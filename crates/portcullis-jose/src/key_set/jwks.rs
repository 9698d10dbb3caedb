//! Reads a JWK Set (RFC 7517 §5) key by key.

use std::{collections::HashSet, fmt};

use portcullis_core::log::escape;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Finding, KeySet, VerificationKey};
use crate::backend::{AwsLc, SignatureBackend};
use crate::json::{self, JsonError, Text, Value};
use crate::jwk::{Deviation, RawJwk, SkipReason};

/// Why a JWK Set as a whole cannot be used.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Larger than [`KeySet::MAX_BYTES`].
    #[error(
        "the key set is larger than {} bytes, a fixed limit: check its URL, or have the issuer remove keys",
        KeySet::MAX_BYTES
    )]
    TooLarge,
    /// Not a JSON object with unique members, or `keys` is not an array.
    #[error("the key set {0}: check its URL or file, or have it corrected")]
    Json(JsonError),
    /// The metadata of an issuer, which contains the URL of its key set (RFC 8414 §2).
    #[error("this is the metadata of an issuer, not a key set: use the key set at its `jwks_uri`")]
    IssuerMetadata,
    /// No member `keys`.
    #[error("there is no `keys`: the URL or file must be that of a JWK Set, not of a single key")]
    NoKeysMember,
    /// `keys` is empty.
    #[error("the key set is empty: have the issuer publish its keys, or add them to the file")]
    Empty,
    /// Every key was skipped.
    #[error("no key of the set can be used ({skipped} in all); the first (`kid` {kid}): {first}")]
    NothingUsable {
        /// The number of keys.
        skipped: usize,
        /// The first key's `kid`, escaped, or `absent`.
        kid: String,
        /// Why the first key was skipped.
        first: SkipReason,
    },
    /// More than [`KeySet::MAX_KEYS`] are usable.
    #[error(
        "the key set has more than {} usable keys, a fixed limit: remove some",
        KeySet::MAX_KEYS
    )]
    TooManyKeys,
}

portcullis_core::debug_as_report!(KeySetError);

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5) key by key. The [`report`](Self::report) lists unusable keys, which are skipped, and
    /// common mistakes of issuers that are accepted; see [`Deviation`](crate::Deviation).
    ///
    /// Symmetric keys are skipped, and private members are ignored. Different keys may share a `kid`; the same key for
    /// the same algorithms is kept once.
    ///
    /// # Errors
    ///
    /// If the set is too large, is not a JSON object with an array `keys`, has no usable key, or has too many. Such a
    /// set must not replace a good one.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        Self::parse_with(json, &AwsLc)
    }

    /// As [`parse`](Self::parse), with another backend.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(json: &[u8], backend: &dyn SignatureBackend) -> Result<Self, KeySetError> {
        if json.len() > KeySet::MAX_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let mut set = KeySet::new(Vec::new());
        let without_mark = json::without_byte_order_mark(json);
        if without_mark.len() < json.len() {
            set.report.tolerated.push(Finding {
                kid: None,
                what: Deviation::ByteOrderMark,
            });
        }
        let document = json::visit_object(without_mark, Document::default());
        let document = document.map_err(KeySetError::Json)?;
        let entries = document.keys.ok_or(if document.has_jwks_uri {
            KeySetError::IssuerMetadata
        } else {
            KeySetError::NoKeysMember
        })?;
        for entry in entries {
            let jwk = RawJwk::parse(entry.get().as_bytes());
            let kid = jwk.as_ref().map_or(Ok(None), RawJwk::kid);
            let kid = kid.ok().flatten().map(Box::from);
            if let Err(reason) = jwk.and_then(|jwk| set.add(jwk, backend)) {
                let report = &mut set.report;
                report.skipped_count += 1;
                report.encryption_count += usize::from(reason == SkipReason::Encryption);
                if report.skipped.len() < KeySet::MAX_KEYS {
                    report.skipped.push(Finding { kid, what: reason });
                }
            }
            if set.keys.len() > KeySet::MAX_KEYS {
                return Err(KeySetError::TooManyKeys);
            }
        }
        match set.report.skipped.first() {
            _ if !set.keys.is_empty() => Ok(set),
            None => Err(KeySetError::Empty),
            Some(first) => Err(KeySetError::NothingUsable {
                skipped: set.report.skipped_count,
                kid: first.kid.as_deref().map_or("absent".to_owned(), escape),
                first: first.what.clone(),
            }),
        }
    }

    fn add(
        &mut self,
        mut jwk: RawJwk<'_>,
        backend: &dyn SignatureBackend,
    ) -> Result<(), SkipReason> {
        self.report.keys_with_private_members += usize::from(jwk.has_private_members());
        let (material, algorithms) = jwk.check()?;
        let key = VerificationKey::prepare(jwk.kid()?, &material, &algorithms, backend)?;
        let is_duplicate = self.keys.iter().any(|other| {
            let mut algorithms = key.algorithms().iter();
            other.kid() == key.kid()
                && other.thumbprint() == key.thumbprint()
                && algorithms.all(|algorithm| other.algorithms().contains(algorithm))
        });
        if is_duplicate {
            return Err(SkipReason::Duplicate);
        }
        let of_key = |what| Finding {
            kid: key.kid().map(Box::from),
            what,
        };
        let tolerated = jwk.tolerated.into_iter().map(of_key);
        self.report.tolerated.extend(tolerated);
        self.keys.push(key);
        Ok(())
    }
}

/// The document. Its keys are parsed one by one later, since a broken one is skipped.
#[derive(Default)]
struct Document<'j> {
    keys: Option<Vec<&'j RawValue>>,
    /// Only the metadata of an issuer has a `jwks_uri`.
    has_jwks_uri: bool,
}

impl<'de> Visitor<'de> for Document<'de> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JWK Set")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(Text(name)) = map.next_key()? {
            json::check_name(&name)?;
            if name == "keys" {
                self.keys = Some(map.next_value()?);
            } else {
                self.has_jwks_uri |= name == "jwks_uri";
                map.next_value::<Value<'_>>()?;
            }
            if !names.insert(name) {
                return Err(A::Error::custom(json::DUPLICATE));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
