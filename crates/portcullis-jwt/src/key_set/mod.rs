//! The keys of one issuer, immutable and prepared.

mod jwks;
mod key;
mod pem;
mod select;

use portcullis_core::Secret;

use self::jwks::Skipped;
pub use self::jwks::{KeySetError, SkippedKey};
pub use self::key::VerificationKey;
pub use self::pem::PemError;
use self::select::Index;
pub use self::select::{Candidates, MatchedBy, NoCandidate, SignatureError};
use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::backend::{AwsLc, SignatureBackend};
use crate::key_material::{KeyMaterial, KeyRejected, SecretKey};

/// The keys of one issuer: immutable, and each prepared for its algorithms.
///
/// Never mix the keys of two issuers in one set: whoever holds one of the keys could sign for the other.
#[derive(Debug)]
pub struct KeySet {
    keys: Box<[VerificationKey]>,
    index: Index,
    skipped: Skipped,
    private_members: usize,
}

impl KeySet {
    /// The largest JWK Set that is read, in bytes: 256 KiB.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// The most usable keys a set may have.
    pub const MAX_KEYS: usize = 64;

    /// The most keys a signature is tried with.
    pub const MAX_CANDIDATES: usize = 4;

    /// Reads a JWK Set (RFC 7517 §5) key by key: those that cannot be used are skipped and counted, the rest are
    /// prepared.
    ///
    /// Symmetric keys are skipped, private members are not read. A `kid` may occur more than once: the same key for
    /// the same algorithms is kept once; different keys are all kept, and up to [`MAX_CANDIDATES`](Self::MAX_CANDIDATES)
    /// of them are tried for a token.
    ///
    /// # Errors
    /// If the set is too large, is not a JSON object with an array `keys`, has no usable key, or has too many. Such a
    /// set must not replace a good one.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        Self::parse_with(json, &AwsLc)
    }

    /// As [`parse`](Self::parse), with another backend.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(json: &[u8], backend: &dyn SignatureBackend) -> Result<Self, KeySetError> {
        jwks::parse(json, backend)
    }

    /// Reads PEM with one public key or several (`PUBLIC KEY` or `RSA PUBLIC KEY`), all for `algorithm`.
    ///
    /// The keys have no `kid`, so they are tried whatever `kid` a token names. To rotate, put the next key beside the
    /// present one.
    ///
    /// # Errors
    /// If there is no key, a private one, or one that does not go with `algorithm`.
    pub fn from_pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, PemError> {
        Self::from_pem_with(pem, algorithm, &AwsLc)
    }

    /// As [`from_pem`](Self::from_pem), with another backend.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_with(
        pem: &[u8],
        algorithm: Algorithm,
        backend: &dyn SignatureBackend,
    ) -> Result<Self, PemError> {
        let mut keys = Vec::new();
        for material in pem::parse(pem)? {
            keys.push(VerificationKey::prepare(
                None,
                &material,
                AlgorithmSet::from_iter([algorithm]),
                backend,
            )?);
        }
        if keys.len() > Self::MAX_CANDIDATES {
            return Err(PemError::TooManyKeys);
        }
        Ok(Self::new(keys))
    }

    /// A secret shared with the issuer, for `algorithm`, one of `HS*`.
    ///
    /// Anyone who can verify with it can also sign with it: prefer public keys.
    ///
    /// # Errors
    /// If `algorithm` is another, or the secret is shorter than the output of its hash (RFC 7518 §3.2).
    pub fn from_secret(algorithm: Algorithm, secret: Secret) -> Result<Self, KeyRejected> {
        Self::from_secret_with(algorithm, secret, &AwsLc)
    }

    /// As [`from_secret`](Self::from_secret), with another backend.
    ///
    /// # Errors
    /// As [`from_secret`](Self::from_secret).
    pub fn from_secret_with(
        algorithm: Algorithm,
        secret: Secret,
        backend: &dyn SignatureBackend,
    ) -> Result<Self, KeyRejected> {
        let material = KeyMaterial::Secret(SecretKey::new(algorithm, secret)?);
        let key = VerificationKey::prepare(
            None,
            &material,
            AlgorithmSet::from_iter([algorithm]),
            backend,
        )?;
        Ok(Self::new(vec![key]))
    }

    /// The usable keys, in the order they were published in.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &VerificationKey> {
        self.keys.iter()
    }

    /// The keys that cannot be used, and why: the first [`MAX_KEYS`](Self::MAX_KEYS) of them.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped.first
    }

    /// How many keys cannot be used.
    #[must_use]
    pub fn skipped_count(&self) -> usize {
        self.skipped.count
    }

    /// How many keys, usable or not, were published with private members. The issuer should replace those keys.
    #[must_use]
    pub fn private_members(&self) -> usize {
        self.private_members
    }

    fn new(keys: Vec<VerificationKey>) -> Self {
        let index = Index::new(&keys);
        Self {
            keys: keys.into(),
            index,
            skipped: Skipped::default(),
            private_members: 0,
        }
    }
}
