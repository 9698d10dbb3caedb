//! A second backend on a `CryptoProvider` of `jsonwebtoken`, and conversions from that crate's types.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::jwk::JwkSet;

use super::{InvalidSignature, PreparedKey, SignatureBackend};
use crate::algorithm::{Algorithm, UnknownAlgorithm};
use crate::key_material::{KeyMaterial, KeyRejected};
use crate::key_set::{KeySet, KeySetError};

/// Verifies with a `CryptoProvider` of `jsonwebtoken`, which may be written in pure Rust or be your own.
/// `CryptoProvider::try_get_default()` returns the one that is installed in the process.
///
/// Differences from [`AwsLc`](super::AwsLc): ES512 is not supported, a key is parsed again for each signature, and a
/// point that is not on its curve is accepted as a key, but no signature is valid for it.
#[derive(Clone, Copy, Debug)]
pub struct JsonWebToken(pub &'static CryptoProvider);

impl SignatureBackend for JsonWebToken {
    fn prepare(
        &self,
        key: &KeyMaterial,
        algorithm: Algorithm,
    ) -> Result<Box<dyn PreparedKey>, KeyRejected> {
        let algorithm = algorithm
            .try_into()
            .map_err(|UnknownAlgorithm| KeyRejected::UnsupportedAlgorithm(algorithm))?;
        let key = match key {
            KeyMaterial::Rsa { modulus, exponent } => {
                DecodingKey::from_rsa_raw_components(modulus, exponent)
            }
            KeyMaterial::Ec { point, .. } => DecodingKey::from_ec_der(point),
            KeyMaterial::Ed25519(point) => DecodingKey::from_ed_der(point),
            KeyMaterial::Secret { secret, .. } => {
                DecodingKey::from_secret(secret.expose()).map_err(|_| KeyRejected::Backend)?
            }
        };
        Ok(Box::new(Key {
            key,
            algorithm,
            provider: self.0,
        }))
    }
}

/// The verifiers of `jsonwebtoken` are neither `Send` nor `Sync`, so one is made for each signature.
struct Key {
    key: DecodingKey,
    algorithm: jsonwebtoken::Algorithm,
    provider: &'static CryptoProvider,
}

impl PreparedKey for Key {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.provider.verifier_factory)(&self.algorithm, &self.key)
            .map_err(|_| InvalidSignature)?
            .verify(message, &signature.to_vec())
            .map_err(|_| InvalidSignature)
    }
}

impl TryFrom<jsonwebtoken::Algorithm> for Algorithm {
    type Error = UnknownAlgorithm;

    fn try_from(algorithm: jsonwebtoken::Algorithm) -> Result<Self, Self::Error> {
        Self::ASYMMETRIC
            .into_iter()
            .chain(Self::SYMMETRIC)
            .find(|ours| jsonwebtoken::Algorithm::try_from(*ours) == Ok(algorithm))
            .ok_or(UnknownAlgorithm)
    }
}

/// Fails for ES512, which `jsonwebtoken` does not have.
impl TryFrom<Algorithm> for jsonwebtoken::Algorithm {
    type Error = UnknownAlgorithm;

    fn try_from(algorithm: Algorithm) -> Result<Self, Self::Error> {
        algorithm.as_str().parse().map_err(|_| UnknownAlgorithm)
    }
}

/// Prepares the keys of the set by the rules of [`KeySet::parse`]; symmetric ones are skipped there.
impl TryFrom<&JwkSet> for KeySet {
    type Error = KeySetError;

    fn try_from(set: &JwkSet) -> Result<Self, Self::Error> {
        let json = serde_json::to_vec(set).map_err(|error| KeySetError::Json(error.into()))?;
        Self::parse(&json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Signer, jwks};

    #[test]
    fn algorithms_convert_both_ways() {
        for algorithm in Algorithm::ASYMMETRIC
            .into_iter()
            .chain(Algorithm::SYMMETRIC)
        {
            match jsonwebtoken::Algorithm::try_from(algorithm) {
                Ok(theirs) => assert_eq!(Algorithm::try_from(theirs), Ok(algorithm)),
                Err(UnknownAlgorithm) => assert_eq!(algorithm, Algorithm::ES512),
            }
        }
    }

    #[test]
    fn key_verifies_only_its_algorithm() {
        let provider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
        let installed = CryptoProvider::try_get_default().expect("one is built in");
        for backend in [JsonWebToken(installed), JsonWebToken(provider)] {
            for algorithm in Algorithm::ASYMMETRIC
                .into_iter()
                .filter(|algorithm| *algorithm != Algorithm::ES512)
            {
                let signer = Signer::new(algorithm);
                let set = KeySet::parse_with(jwks(&[signer.jwk("")]).as_bytes(), &backend)
                    .expect("a usable set");
                let key = set.keys().next().expect("one key");
                let signature = signer.raw_signature(b"message");
                assert_eq!(
                    key.verify(algorithm, b"message", &signature),
                    Ok(()),
                    "{algorithm}"
                );
                assert_eq!(
                    key.verify(algorithm, b"massage", &signature),
                    Err(InvalidSignature)
                );
                assert_eq!(
                    key.verify(algorithm, b"message", &signature[1..]),
                    Err(InvalidSignature)
                );
                for other in Algorithm::ASYMMETRIC
                    .into_iter()
                    .filter(|other| *other != algorithm)
                {
                    assert_eq!(
                        key.verify(other, b"message", &signature),
                        Err(InvalidSignature)
                    );
                }
            }
        }
    }

    #[test]
    fn es512_key_is_skipped() {
        let set = jwks(&[Signer::new(Algorithm::ES512).jwk("")]);
        let backend = JsonWebToken(&jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER);
        let error = KeySet::parse_with(set.as_bytes(), &backend).expect_err("not supported");
        assert!(matches!(
            error,
            KeySetError::NothingUsable { skipped: 1, .. }
        ));
    }

    #[test]
    fn jwk_set_of_jsonwebtoken_converts() {
        let signers = [Algorithm::RS256, Algorithm::ES384, Algorithm::EdDSA].map(Signer::new);
        let json = jwks(
            &signers
                .iter()
                .map(|signer| signer.jwk(r#","kid":"a","use":"sig""#))
                .collect::<Vec<_>>(),
        );
        let theirs: JwkSet = serde_json::from_str(&json).expect("they read it too");
        let (converted, parsed) = (
            KeySet::try_from(&theirs).expect("usable"),
            KeySet::parse(json.as_bytes()).expect("usable"),
        );
        assert!(
            converted
                .keys()
                .zip(parsed.keys())
                .all(|(a, b)| a.thumbprint() == b.thumbprint() && a.kid() == b.kid())
        );
        assert_eq!(converted.keys().len(), 3);
    }
}
