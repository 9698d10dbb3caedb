//! Keys that sign test tokens.

mod algorithm;
mod material;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use pkcs1::der::pem::{LineEnding, encode_string};
use portcullis_core::Secret;
use serde_json::Value;

use crate::encoding::base64url;
pub use algorithm::SigningAlgorithm;
use material::Material;

/// A private key that signs tokens, with its algorithm and `kid`.
///
/// Cheap to clone; clones share the key material. The `kid` is the RFC 7638 thumbprint unless
/// [`with_kid`](Self::with_kid) says otherwise.
#[derive(Clone, Debug)]
pub struct TestKey {
    material: Arc<Material>,
    algorithm: SigningAlgorithm,
    pub(crate) kid: Option<String>,
}

impl TestKey {
    /// Generates a key. RSA keys have 2048 bits, which takes some tenths of a second; HMAC secrets have 64 bytes.
    #[must_use]
    pub fn generate(algorithm: SigningAlgorithm) -> Self {
        Self::from_material(Material::generate(algorithm).into(), algorithm)
    }

    /// The key that the whole process shares under this algorithm and `index`, generated on first use, which saves time. All
    /// algorithms that can use the same key share it, such as those of RSA.
    #[must_use]
    pub fn shared(algorithm: SigningAlgorithm, index: usize) -> Self {
        Self::from_material(Material::shared(algorithm, index), algorithm)
    }

    /// A symmetric key over `secret`, for one of the HMAC algorithms.
    ///
    /// # Panics
    ///
    /// When `algorithm` is not one of `HS256`, `HS384` and `HS512`.
    #[must_use]
    pub fn hmac(algorithm: SigningAlgorithm, secret: impl Into<Vec<u8>>) -> Self {
        assert!(
            algorithm.family() == SigningAlgorithm::HS256,
            "TestKey::hmac takes HS256, HS384 or HS512, not {algorithm}"
        );
        Self::from_material(Material::Hmac(Secret::new(secret)).into(), algorithm)
    }

    fn from_material(material: Arc<Material>, algorithm: SigningAlgorithm) -> Self {
        let key = Self {
            material,
            algorithm,
            kid: None,
        };
        let kid = key.thumbprint();
        key.with_kid(kid)
    }

    /// The same key with another `kid`.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The same key without a `kid`, both in its JWK and in the tokens it signs.
    #[must_use]
    pub fn without_kid(mut self) -> Self {
        self.kid = None;
        self
    }

    /// The same key material and `kid` with another algorithm of its family, such as `PS512` for an `RS256` key.
    ///
    /// # Panics
    ///
    /// If the key does not support the algorithm.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: SigningAlgorithm) -> Self {
        assert!(
            self.algorithm.family() == algorithm.family(),
            "a key for {} cannot sign with {algorithm}",
            self.algorithm
        );
        self.algorithm = algorithm;
        self
    }

    /// The `kid` in key sets and token headers (RFC 7517 §4.5).
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm that this key signs with.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The RFC 7638 thumbprint of the key, with SHA-256, in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let members = self.material.public_members().to_string();
        base64url(digest(&SHA256, members.as_bytes()))
    }

    /// The public half as a JWK (RFC 7517 §4) with `kid`, `alg` and `use`.
    ///
    /// An HMAC key has no public half: its JWK contains the secret, for tests of an issuer that publishes it.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.material.public_members();
        jwk["alg"] = self.algorithm.as_str().into();
        jwk["use"] = "sig".into();
        if let Some(kid) = self.kid() {
            jwk["kid"] = kid.into();
        }
        jwk
    }

    /// The whole key as a JWK, private members included.
    #[must_use]
    pub fn private_jwk(&self) -> Value {
        let mut jwk = self.public_jwk();
        for (name, value) in self.material.private_members() {
            jwk[name] = value.into();
        }
        jwk
    }

    /// The public half as a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7); the secret itself for HMAC.
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        self.material.public_der()
    }

    /// The public half in PEM, under `PUBLIC KEY` (RFC 7468 §13).
    #[must_use]
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_der())
    }

    /// The private key in PEM, as PKCS#8 under `PRIVATE KEY` (RFC 7468 §10); the secret itself for HMAC.
    #[must_use]
    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.material.private_der())
    }

    /// Signs `message` as RFC 7515 §5.1 does: ECDSA signatures are `r` and `s` side by side, not DER.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.material.sign(self.algorithm, message)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    encode_string(label, LineEnding::LF, der).expect("keys are short")
}

/// The public half, as an entry of a key set.
impl From<&TestKey> for Value {
    fn from(key: &TestKey) -> Self {
        key.public_jwk()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thumbprint_matches_rfc_8037() {
        let members = json!({"kty": "OKP", "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(
            base64url(digest(&SHA256, members.to_string().as_bytes())),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn shared_keys_are_equal_by_index() {
        let thumbprint = |algorithm, index| TestKey::shared(algorithm, index).thumbprint();
        use SigningAlgorithm::{ES256, PS384, RS256};
        assert_eq!(thumbprint(ES256, 0), thumbprint(ES256, 0));
        assert_ne!(thumbprint(ES256, 0), thumbprint(ES256, 1));
        assert_eq!(thumbprint(RS256, 0), thumbprint(PS384, 0));
    }

    #[test]
    fn debug_shows_no_key_material() {
        let key = TestKey::hmac(SigningAlgorithm::HS256, "a secret of some length");
        assert!(!format!("{key:?}").contains("secret of"));
    }

    #[test]
    #[should_panic(expected = "a key for ES256 cannot sign with ES384")]
    fn with_algorithm_rejects_another_family() {
        let key = TestKey::generate(SigningAlgorithm::ES256);
        let _ = key.with_algorithm(SigningAlgorithm::ES384);
    }
}
