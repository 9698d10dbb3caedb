//! Which keys a token is tried with.

use super::index::Shortlist;
use super::{KeySet, VerificationKey};
use crate::algorithm::Algorithm;

impl KeySet {
    /// The keys to try for a token that names `kid` and `algorithm`, at most [`MAX_CANDIDATES`](Self::MAX_CANDIDATES).
    ///
    /// A token that names no key is tried with every key of its algorithm. One that names a key is tried with the
    /// keys of that name, compared by case; where there are none, with those that have no name, since any of them may
    /// be meant.
    ///
    /// # Errors
    /// If there is no key to try, and why.
    pub fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Candidates<'_>, NoCandidate> {
        let Some(kid) = kid else {
            let any = self.index.any[algorithm.index()];
            return self
                .shortlist(any, MatchedBy::Algorithm)
                .ok_or(NoCandidate::NoKeyForAlgorithm);
        };
        let mut named = Shortlist::default();
        let mut is_known = false;
        for position in self.index.named(kid, &self.keys) {
            is_known = true;
            if self.keys[usize::from(position)]
                .algorithms()
                .contains(algorithm)
            {
                named.push(position);
            }
        }
        if is_known {
            return self
                .shortlist(named, MatchedBy::Kid)
                .ok_or(NoCandidate::KidForOtherAlgorithm);
        }
        let nameless = self.index.nameless[algorithm.index()];
        self.shortlist(nameless, MatchedBy::KeyWithoutKid)
            .ok_or(NoCandidate::UnknownKid)
    }

    fn shortlist(&self, list: Shortlist, matched_by: MatchedBy) -> Option<Candidates<'_>> {
        (!list.as_slice().is_empty()).then_some(Candidates {
            keys: &self.keys,
            list,
            next: 0,
            matched_by,
        })
    }
}

/// Why there is no key to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoCandidate {
    /// No key has the `kid`, and none without a name is for the algorithm.
    UnknownKid,
    /// The `kid` is known, but its key is for another algorithm.
    KidForOtherAlgorithm,
    /// There is no `kid`, and no key is for the algorithm.
    NoKeyForAlgorithm,
}

/// What made a key a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatchedBy {
    /// It has the token's `kid`.
    Kid,
    /// It is for the token's algorithm, and the token names no key.
    Algorithm,
    /// It is for the token's algorithm and has no `kid`, and no key has the token's.
    KeyWithoutKid,
}

/// The keys to try for one token, in the order they were published in; never none.
#[derive(Clone, Debug)]
pub struct Candidates<'k> {
    keys: &'k [VerificationKey],
    list: Shortlist,
    next: usize,
    matched_by: MatchedBy,
}

impl Candidates<'_> {
    /// What made them candidates.
    #[must_use]
    pub fn matched_by(&self) -> MatchedBy {
        self.matched_by
    }
}

impl<'k> Iterator for Candidates<'k> {
    type Item = &'k VerificationKey;

    fn next(&mut self) -> Option<Self::Item> {
        let position = *self.list.as_slice().get(self.next)?;
        self.next += 1;
        self.keys.get(usize::from(position))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.list.as_slice().len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Candidates<'_> {}
