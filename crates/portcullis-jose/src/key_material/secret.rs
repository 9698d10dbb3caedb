//! The key of `HS*`.

use portcullis_core::Secret;

use super::KeyRejected;
use crate::algorithm::Algorithm;
use crate::thumbprint::Thumbprint;

/// A secret shared with the issuer, long enough for its algorithm.
#[derive(Clone, Debug)]
pub struct SecretKey {
    secret: Secret,
    identity: Thumbprint,
}

impl SecretKey {
    /// Takes a secret for use with `algorithm`, one of `HS*`. It must be as long as the output of the hash
    /// (RFC 7518 §3.2).
    pub(crate) fn new(algorithm: Algorithm, secret: Secret) -> Result<Self, KeyRejected> {
        let required = match algorithm {
            Algorithm::HS256 => 32,
            Algorithm::HS384 => 48,
            Algorithm::HS512 => 64,
            _ => return Err(KeyRejected::WrongAlgorithm(algorithm)),
        };
        let bytes = secret.expose().len();
        if bytes < required {
            return Err(KeyRejected::SecretTooShort {
                algorithm,
                bytes,
                required,
            });
        }
        let mut identity = [0; 32];
        aws_lc_rs::rand::fill(&mut identity).map_err(|_| KeyRejected::Backend)?;
        Ok(Self {
            secret,
            identity: Thumbprint::from_bytes(identity),
        })
    }

    /// The bytes of the secret, for a backend.
    pub fn expose(&self) -> &[u8] {
        self.secret.expose()
    }

    /// A random value in place of a thumbprint.
    pub(super) const fn identity(&self) -> Thumbprint {
        self.identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secret_is_rejected_and_secrets_are_not_shown() {
        for (algorithm, required) in [
            (Algorithm::HS256, 32),
            (Algorithm::HS384, 48),
            (Algorithm::HS512, 64),
        ] {
            let of = |length: usize| SecretKey::new(algorithm, Secret::new(vec![b's'; length]));
            assert!(of(required).is_ok());
            assert!(matches!(
                of(required - 1),
                Err(KeyRejected::SecretTooShort { .. })
            ));
            assert!(matches!(of(0), Err(KeyRejected::SecretTooShort { .. })));
        }
        let key = SecretKey::new(
            Algorithm::HS256,
            Secret::new("sssssssssssssssssssssssssssssssss"),
        )
        .expect("long enough");
        assert!(!format!("{key:?}").contains("sssss"), "{key:?}");
        assert!(SecretKey::new(Algorithm::RS256, Secret::new(vec![1; 64])).is_err());
    }
}
