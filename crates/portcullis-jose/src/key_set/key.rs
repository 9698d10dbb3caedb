//! One key, bound to what it may be used for.

use std::fmt;

use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::backend::{InvalidSignature, PreparedKey, SignatureBackend};
use crate::key_material::{KeyMaterial, KeyRejected};
use crate::thumbprint::Thumbprint;

/// A key that is ready to verify signatures of its algorithms, and of no other.
pub struct VerificationKey {
    kid: Option<Box<str>>,
    thumbprint: Thumbprint,
    algorithms: AlgorithmSet,
    prepared: Box<[(Algorithm, Box<dyn PreparedKey>)]>,
}

impl VerificationKey {
    /// The name the issuer gave it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it is, whatever its name.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// What it may be used with.
    #[must_use]
    pub fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    /// Whether `signature` is this key's over `message`, by `algorithm`.
    ///
    /// # Errors
    /// If it is not, or `algorithm` is not one of the key's.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let (_, key) = self
            .prepared
            .iter()
            .find(|(of, _)| *of == algorithm)
            .ok_or(InvalidSignature)?;
        key.verify(message, signature)
    }

    /// Prepares the key for as many of `algorithms` as the backend has; it must be one at least.
    pub(super) fn prepare(
        kid: Option<&str>,
        material: &KeyMaterial,
        algorithms: AlgorithmSet,
        backend: &dyn SignatureBackend,
    ) -> Result<Self, KeyRejected> {
        let mut prepared = Vec::new();
        let mut rejected = KeyRejected::Backend;
        for algorithm in algorithms.iter() {
            match backend.prepare(material, algorithm) {
                Ok(key) => prepared.push((algorithm, key)),
                Err(error) => rejected = error,
            }
        }
        if prepared.is_empty() {
            return Err(rejected);
        }
        Ok(Self {
            kid: kid.map(Box::from),
            thumbprint: material.thumbprint(),
            algorithms: prepared.iter().map(|(algorithm, _)| *algorithm).collect(),
            prepared: prepared.into(),
        })
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
