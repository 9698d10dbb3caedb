//! Private keys, and what is signed with them.

mod compact;
mod error;
mod jwk;
mod numbers;
mod pair;
mod pem;
mod public_jwk;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use portcullis_core::Secret;
use serde::Serialize;
use serde_json::Value;

pub use self::error::{SignError, SigningKeyError};
use self::jwk::PrivateJwk;
use self::pair::{Pair, hmac_key};
use crate::algorithm::Algorithm;
use crate::base64url;
use crate::key_material::{Curve, KeyMaterial, SecretKey};
use crate::thumbprint::Thumbprint;

/// A private key or a shared secret, bound to one algorithm: what a client proves itself with.
///
/// It signs the assertions of `private_key_jwt` and `client_secret_jwt` (RFC 7523 §2.2). Clones are cheap and share
/// the key, which is wiped from memory with the last of them.
///
/// ```
/// use portcullis_jose::{CompactJws, HeaderBuffer, KeySet, SigningKey};
///
/// // RFC 8037 Appendix A.
/// let key = SigningKey::from_jwk(
///     br#"{"kty": "OKP", "crv": "Ed25519", "kid": "billing-1",
///         "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
///         "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
/// )?;
/// let assertion = key.sign_compact(
///     Some("client-authentication+jwt"),
///     &serde_json::json!({"iss": "billing", "sub": "billing", "aud": "https://issuer.example.com"}),
/// )?;
///
/// // The issuer has the public half.
/// let public = key.public_jwk().ok_or("not a shared secret")?;
/// let keys = KeySet::parse(serde_json::json!({"keys": [public]}).to_string().as_bytes())?;
/// let jws = CompactJws::parse(&assertion)?;
/// let mut buffer = HeaderBuffer::new();
/// let header = jws.header(&mut buffer)?;
/// assert_eq!(keys.verify(&jws, &header)?.thumbprint(), key.thumbprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<Key>,
    kid: Option<Arc<str>>,
    /// The thumbprint of its certificate, in base64url.
    x5t_s256: Option<Arc<str>>,
}

struct Key {
    algorithm: Algorithm,
    thumbprint: Thumbprint,
    material: Material,
}

enum Material {
    Pair { private: Pair, public: KeyMaterial },
    Secret(Box<hmac::Key>),
}

impl SigningKey {
    /// Reads the one private key of a PEM text, for `algorithm`.
    ///
    /// It may be PKCS #8 (`PRIVATE KEY`, RFC 5208 and RFC 5958), SEC 1 (`EC PRIVATE KEY`, RFC 5915) or PKCS #1
    /// (`RSA PRIVATE KEY`, RFC 8017 §A.1.2). Blocks of other kinds, such as `EC PARAMETERS` and `CERTIFICATE`, are
    /// passed over. The key has no `kid`: see [`with_kid`](Self::with_kid).
    ///
    /// # Errors
    /// If there is no private key, more than one, an encrypted one, or one that is ill-formed or does not go with
    /// `algorithm`. RSA keys have 2048 to 8192 bits and two primes.
    pub fn from_pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        Self::of_pair(algorithm, pem::parse(pem, algorithm)?)
    }

    /// Reads a private JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) with its `alg` and `kid`.
    ///
    /// Without an `alg`, EC and OKP keys are for the one algorithm that goes with their curve. An RSA key must have
    /// `p`, `q`, `dp`, `dq` and `qi`, and no `oth`. Private members with escapes (`\u0041`) are not read.
    ///
    /// # Errors
    /// If it is not a JSON object with unique members, is not a private key of a supported kind, is for other uses
    /// (`use`, `key_ops`) than to sign, its public and private halves do not belong together, or it is an RSA key
    /// without `alg`.
    pub fn from_jwk(jwk: &[u8]) -> Result<Self, SigningKeyError> {
        PrivateJwk::parse(jwk, None).and_then(Self::of_jwk)
    }

    /// As [`from_jwk`](Self::from_jwk), for `algorithm`: a key that has an `alg` must have that.
    ///
    /// # Errors
    /// As [`from_jwk`](Self::from_jwk), and if the key is for another algorithm.
    pub fn from_jwk_with(jwk: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        PrivateJwk::parse(jwk, Some(algorithm)).and_then(Self::of_jwk)
    }

    /// A secret shared with the issuer, for `algorithm`, one of `HS*`.
    ///
    /// A client secret is taken as the bytes of its text (OpenID Connect Core §10.1).
    ///
    /// # Errors
    /// If `algorithm` is another, or the secret is shorter than the output of its hash (RFC 7518 §3.2).
    pub fn from_secret(secret: &Secret, algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let secret = SecretKey::new(algorithm, secret.clone())?;
        let material = Material::Secret(Box::new(hmac_key(&secret, algorithm)?));
        let thumbprint = KeyMaterial::Secret(secret).thumbprint();
        Ok(Self::new(algorithm, thumbprint, material))
    }

    /// A fresh key on P-256.
    pub(crate) fn generate_es256() -> Result<Self, SigningKeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| SigningKeyError::NotGenerated)?;
        Self::of_pair(Algorithm::ES256, Pair::Ec(pair, Curve::P256))
    }

    fn of_jwk(jwk: PrivateJwk) -> Result<Self, SigningKeyError> {
        let mut key = Self::of_pair(jwk.algorithm, jwk.pair)?;
        key.kid = jwk.kid.map(Arc::from);
        Ok(key)
    }

    fn of_pair(algorithm: Algorithm, private: Pair) -> Result<Self, SigningKeyError> {
        let public = private.public()?;
        let thumbprint = public.thumbprint();
        let material = Material::Pair { private, public };
        Ok(Self::new(algorithm, thumbprint, material))
    }

    fn new(algorithm: Algorithm, thumbprint: Thumbprint, material: Material) -> Self {
        let key = Key {
            algorithm,
            thumbprint,
            material,
        };
        Self {
            key: Arc::new(key),
            kid: None,
            x5t_s256: None,
        }
    }

    /// The same key under this name, which the issuer knows it by (RFC 7515 §4.1.4).
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into().into());
        self
    }

    /// The same key without a name: headers then have no `kid`.
    #[must_use]
    pub fn without_kid(mut self) -> Self {
        self.kid = None;
        self
    }

    /// The same key with the thumbprint of its certificate (`x5t#S256`, RFC 7515 §4.1.8) in the header of what it signs, for
    /// servers that find the public half by that, such as Entra ID.
    ///
    /// `pem` is the certificate in PEM; of a chain, the first is taken. Blocks of other kinds are passed over.
    ///
    /// # Errors
    /// If there is no certificate in it, or the certificate is for another key.
    pub fn with_certificate(mut self, pem: &[u8]) -> Result<Self, SigningKeyError> {
        let der = pem::certificate(pem)?;
        let is_of_this_key = match &self.key.material {
            Material::Pair { public, .. } => contains(&der, public_bytes(public)),
            Material::Secret(_) => false,
        };
        if !is_of_this_key {
            return Err(SigningKeyError::OtherCertificate);
        }
        let thumbprint = digest(&SHA256, &der);
        self.x5t_s256 = Some(base64url::encode(thumbprint.as_ref()).into());
        Ok(self)
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The RFC 7638 thumbprint of its public half, the same that [`VerificationKey`](crate::VerificationKey) has.
    ///
    /// A secret has a random one, another each time it is loaded: that of a weak secret would let it be guessed
    /// (RFC 7638 §7).
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.key.thumbprint
    }

    /// Its public half as a JWK with the members that make up the key and no others, neither `kid` nor `alg`; `None`
    /// for a secret.
    ///
    /// It is what the `jwk` header of a DPoP proof holds (RFC 9449 §4.2).
    #[must_use]
    pub fn public_jwk(&self) -> Option<Value> {
        match &self.key.material {
            Material::Pair { public, .. } => public_jwk::public_jwk(public),
            Material::Secret(_) => None,
        }
    }

    /// The signature over `message` in the form JWS has it (RFC 7518 §3, RFC 8037 §3.1): for ECDSA, `r` and `s` in
    /// full length.
    ///
    /// # Errors
    /// If the cryptographic library fails, for want of random numbers for instance.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.key.material {
            Material::Pair { private, .. } => private.sign(message),
            Material::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }

    /// Signs `claims` as a JWT in the compact serialization (RFC 7515 §7.1, RFC 7519 §7.1).
    ///
    /// The header has `alg`, `kid` if the key has one, `x5t#S256` if it has a certificate, and `typ` if it is given.
    ///
    /// # Errors
    /// If `claims` do not serialize to a JSON object, or as [`sign`](Self::sign).
    pub fn sign_compact(
        &self,
        typ: Option<&str>,
        claims: &impl Serialize,
    ) -> Result<String, SignError> {
        let header = compact::Header {
            typ,
            alg: self.algorithm().as_str(),
            kid: self.kid(),
            x5t_s256: self.x5t_s256.as_deref(),
            jwk: None,
        };
        compact::sign(self, &header, claims)
    }

    /// As [`sign_compact`](Self::sign_compact), with a public key in the header (RFC 7515 §4.1.3).
    pub(crate) fn sign_with_jwk(
        &self,
        typ: &str,
        jwk: &Value,
        claims: &impl Serialize,
    ) -> Result<String, SignError> {
        let header = compact::Header {
            typ: Some(typ),
            alg: self.algorithm().as_str(),
            kid: self.kid(),
            // The key itself is in the header.
            x5t_s256: None,
            jwk: Some(jwk),
        };
        compact::sign(self, &header, claims)
    }
}

/// What a certificate has of the key, as it stands in there.
fn public_bytes(key: &KeyMaterial) -> &[u8] {
    match key {
        KeyMaterial::Rsa(key) => key.modulus(),
        KeyMaterial::Ec(key) => key.uncompressed_point(),
        KeyMaterial::Ed25519(key) => key.as_bytes(),
        KeyMaterial::Secret(_) => &[],
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.key.algorithm)
            .field("kid", &self.kid)
            .field("thumbprint", &self.key.thumbprint)
            .finish_non_exhaustive()
    }
}
