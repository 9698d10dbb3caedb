//! What was found in a key set besides its usable keys.

use crate::jwk::{Deviation, SkipReason};

/// What was found while a key set was read, besides its usable keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySetReport {
    /// The number of unusable keys.
    pub skipped_count: usize,
    /// The first [`KeySet::MAX_KEYS`](super::KeySet::MAX_KEYS) of them.
    pub skipped: Vec<SkippedKey>,
    /// The number of unusable keys that are for encryption, which is not a mistake.
    pub encryption_count: usize,
    /// Deviations from the standards that were accepted, of usable keys and of the document: tell the issuer.
    pub tolerated: Vec<ToleratedDeviation>,
    /// The number of keys published with private members, usable or not. The issuer should replace them.
    pub keys_with_private_members: usize,
}

/// An unusable key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedKey {
    /// Its name, if that is well-formed. Chosen by the issuer: escape it before it is logged.
    pub kid: Option<Box<str>>,
    /// Why it is unusable.
    pub reason: SkipReason,
}

/// A deviation from the standards that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToleratedDeviation {
    /// The name of the key, if it has one. Chosen by the issuer: escape it before it is logged.
    pub kid: Option<Box<str>>,
    /// What is wrong with the key, or with the document.
    pub deviation: Deviation,
}
