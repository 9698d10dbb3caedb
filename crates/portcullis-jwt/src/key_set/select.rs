//! Which keys a token is tried with.

use super::{KeySet, VerificationKey};
use crate::algorithm::Algorithm;
use crate::header::Header;
use crate::jws::{CompactJws, JwsError, SignatureBuffer};

impl KeySet {
    /// Verifies the signature of `jws`, whose header is `header`, and says which key it is by.
    ///
    /// The caller has checked before that the algorithm is one it allows.
    ///
    /// # Errors
    /// [`SignatureError::UnknownKid`] if the set may be out of date; the others are final.
    pub fn verify(
        &self,
        jws: &CompactJws<'_>,
        header: &Header<'_>,
    ) -> Result<&VerificationKey, SignatureError> {
        let algorithm = header.algorithm();
        let candidates = self.candidates(header.kid(), algorithm)?;
        let matched_by = candidates.matched_by();
        let mut buffer = SignatureBuffer::new();
        let signature = jws
            .signature(&mut buffer)
            .map_err(SignatureError::Malformed)?;
        for key in candidates {
            if key
                .verify(algorithm, jws.signing_input(), signature)
                .is_ok()
            {
                return Ok(key);
            }
        }
        Err(match matched_by {
            MatchedBy::KeyWithoutKid => SignatureError::UnknownKid,
            MatchedBy::Kid | MatchedBy::Algorithm => SignatureError::BadSignature,
        })
    }

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
        (list.length > 0).then_some(Candidates {
            keys: &self.keys,
            list,
            next: 0,
            matched_by,
        })
    }
}

/// Why a token's signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is not one at all.
    #[error(transparent)]
    Malformed(JwsError),
    /// No key of the set has the `kid`, and none without a name made the signature. A newer set may have the key.
    #[error("no key of the issuer has the token's `kid`")]
    UnknownKid,
    /// The `kid` is known, but its key is for another algorithm than the header's (RFC 8725 §3.1).
    #[error("the key named by `kid` is not for the token's algorithm")]
    KidForOtherAlgorithm,
    /// The token names no key, and the set has none for its algorithm.
    #[error("no key of the issuer is for the token's algorithm")]
    NoKeyForAlgorithm,
    /// There were keys to try, and none of them made the signature.
    #[error("the signature does not hold")]
    BadSignature,
}

impl From<NoCandidate> for SignatureError {
    fn from(reason: NoCandidate) -> Self {
        match reason {
            NoCandidate::UnknownKid => Self::UnknownKid,
            NoCandidate::KidForOtherAlgorithm => Self::KidForOtherAlgorithm,
            NoCandidate::NoKeyForAlgorithm => Self::NoKeyForAlgorithm,
        }
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

/// Positions of keys, so that no request searches the whole set.
#[derive(Debug)]
pub(super) struct Index {
    /// Of the keys with a name, by name and then by position.
    by_kid: Box<[u8]>,
    /// For each algorithm, the first keys.
    any: [Shortlist; Algorithm::COUNT],
    /// For each algorithm, the first keys without a name.
    nameless: [Shortlist; Algorithm::COUNT],
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

    fn named<'a>(
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
struct Shortlist {
    positions: [u8; KeySet::MAX_CANDIDATES],
    length: usize,
}

impl Shortlist {
    fn push(&mut self, position: u8) {
        if let Some(slot) = self.positions.get_mut(self.length) {
            *slot = position;
            self.length += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.positions[..self.length]
    }
}
