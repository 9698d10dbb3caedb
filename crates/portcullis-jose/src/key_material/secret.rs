//! The key of `HS*`.

use aws_lc_rs::hmac;
use portcullis_core::Secret;

use super::{KeyMaterial, KeyRejected};
use crate::algorithm::Algorithm;
use crate::thumbprint::Thumbprint;

impl KeyMaterial {
    /// Takes a secret for `algorithm`, one of `HS*`. It must be as long as the output of the hash (RFC 7518 §3.2).
    pub(crate) fn secret(algorithm: Algorithm, secret: Secret) -> Result<Self, KeyRejected> {
        let key = hmac_key(secret.expose(), algorithm)?;
        let required = key.algorithm().digest_algorithm().output_len();
        let bytes = secret.expose().len();
        if bytes < required {
            return Err(KeyRejected::SecretTooShort {
                algorithm,
                bytes,
                required,
            });
        }
        let identity = Thumbprint::random().ok_or(KeyRejected::Backend)?;
        Ok(Self::Secret { secret, identity })
    }
}

pub(crate) fn hmac_key(secret: &[u8], algorithm: Algorithm) -> Result<hmac::Key, KeyRejected> {
    let parameters = match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => return Err(KeyRejected::WrongAlgorithm(algorithm)),
    };
    Ok(hmac::Key::new(parameters, secret))
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
            let of =
                |length: usize| KeyMaterial::secret(algorithm, Secret::new(vec![b's'; length]));
            assert!(of(required).is_ok());
            assert!(matches!(
                of(required - 1),
                Err(KeyRejected::SecretTooShort { .. })
            ));
            assert!(matches!(of(0), Err(KeyRejected::SecretTooShort { .. })));
        }
        let key = KeyMaterial::secret(
            Algorithm::HS256,
            Secret::new("sssssssssssssssssssssssssssssssss"),
        )
        .expect("long enough");
        assert!(!format!("{key:?}").contains("sssss"), "{key:?}");
        assert!(KeyMaterial::secret(Algorithm::RS256, Secret::new(vec![1; 64])).is_err());
    }
}
