//! What was found in a key set besides its usable keys.

use crate::jwk::{Deviation, SkipReason};

/// What was found while a key set was read, besides its usable keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySetReport {
    /// The number of unusable keys.
    pub skipped_count: usize,
    /// Why the first [`KeySet::MAX_KEYS`](super::KeySet::MAX_KEYS) of them are unusable.
    pub skipped: Vec<Finding<SkipReason>>,
    /// The number of unusable keys that are for encryption, which is not a mistake.
    pub encryption_count: usize,
    /// Deviations from the standards that were accepted, of usable keys and of the document: tell the issuer.
    pub tolerated: Vec<Finding<Deviation>>,
    /// The number of keys published with private members, usable or not. The issuer should replace them.
    pub keys_with_private_members: usize,
}

/// A fact about a key, or about the document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding<T> {
    /// The name of the key, if it has a well-formed one. Chosen by the issuer: escape it before it is logged.
    pub kid: Option<Box<str>>,
    /// The fact.
    pub what: T,
}
