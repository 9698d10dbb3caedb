//! Where the keys of a set are found, so that no request searches all of them.

use super::{KeySet, VerificationKey};
use crate::algorithm::Algorithm;

/// The positions of keys by name, and by algorithm.
#[derive(Debug)]
pub(super) struct Index {
    /// Of the keys with a name, by name and then by position.
    by_kid: Box<[u8]>,
    /// For each algorithm, the first keys.
    pub(super) any: [Shortlist; Algorithm::COUNT],
    /// For each algorithm, the first keys without a name.
    pub(super) nameless: [Shortlist; Algorithm::COUNT],
}

impl Index {
    pub(super) fn new(keys: &[VerificationKey]) -> Self {
        let mut by_kid = Vec::new();
        let mut any = [Shortlist::default(); Algorithm::COUNT];
        let mut nameless = [Shortlist::default(); Algorithm::COUNT];
        for (position, key) in (0..=u8::MAX).zip(keys) {
            if key.kid().is_some() {
                by_kid.push(position);
            }
            for algorithm in key.algorithms().iter() {
                any[algorithm.index()].push(position);
                if key.kid().is_none() {
                    nameless[algorithm.index()].push(position);
                }
            }
        }
        by_kid.sort_by_key(|position| keys[usize::from(*position)].kid());
        Self {
            by_kid: by_kid.into(),
            any,
            nameless,
        }
    }

    /// The keys with that name.
    pub(super) fn named<'a>(
        &'a self,
        kid: &'a str,
        keys: &'a [VerificationKey],
    ) -> impl Iterator<Item = u8> + 'a {
        let name = |position: &u8| keys[usize::from(*position)].kid();
        let start = self
            .by_kid
            .partition_point(|position| name(position) < Some(kid));
        self.by_kid[start..]
            .iter()
            .copied()
            .take_while(move |position| name(position) == Some(kid))
    }
}

/// The first few positions of those that were pushed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shortlist {
    positions: [u8; KeySet::MAX_CANDIDATES],
    length: usize,
}

impl Shortlist {
    pub(super) fn push(&mut self, position: u8) {
        if let Some(slot) = self.positions.get_mut(self.length) {
            *slot = position;
            self.length += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.positions[..self.length]
    }
}
