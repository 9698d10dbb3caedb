//! One key of a set.

use std::fmt;

use crate::algorithm::Algorithm;
use crate::backend::{InvalidSignature, PreparedKey, SignatureBackend};
use crate::key_material::{KeyMaterial, KeyRejected};
use crate::thumbprint::Thumbprint;

/// A key that is ready to verify signatures of its algorithms, and of no others.
pub struct VerificationKey {
    kid: Option<Box<str>>,
    thumbprint: Thumbprint,
    algorithms: Vec<Algorithm>,
    /// One for each of `algorithms`.
    prepared: Vec<Box<dyn PreparedKey>>,
}

impl VerificationKey {
    /// Prepares the key for those of `algorithms` that the backend supports, at least one.
    pub(super) fn prepare(
        kid: Option<&str>,
        material: &KeyMaterial,
        algorithms: &[Algorithm],
        backend: &dyn SignatureBackend,
    ) -> Result<Self, KeyRejected> {
        let mut key = Self {
            kid: kid.map(Box::from),
            thumbprint: material.thumbprint(),
            algorithms: Vec::new(),
            prepared: Vec::new(),
        };
        let mut rejected = KeyRejected::Backend;
        for algorithm in algorithms {
            if !material.fits(*algorithm) {
                rejected = KeyRejected::WrongAlgorithm(*algorithm);
                continue;
            }
            match backend.prepare(material, *algorithm) {
                Ok(prepared) => {
                    key.algorithms.push(*algorithm);
                    key.prepared.push(prepared);
                }
                Err(error) => rejected = error,
            }
        }
        if key.prepared.is_empty() {
            return Err(rejected);
        }
        Ok(key)
    }

    /// The name that the issuer gave it.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Its identity, independent of its name.
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The algorithms it may be used with.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Verifies `signature` by `algorithm` over `message`.
    ///
    /// # Errors
    ///
    /// If the signature is not valid, or `algorithm` is not one of the key's.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let mut prepared = self.algorithms.iter().zip(&self.prepared);
        let prepared = prepared.find(|(own, _)| **own == algorithm);
        prepared
            .ok_or(InvalidSignature)?
            .1
            .verify(message, signature)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("thumbprint", &self.thumbprint)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}
