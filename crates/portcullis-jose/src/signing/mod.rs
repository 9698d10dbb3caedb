//! Private keys and the signatures they make.

mod error;
mod jwk;
mod pem;
mod private_key;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use aws_lc_rs::signature::EcdsaKeyPair;
use portcullis_core::Secret;
use serde::Serialize;
use serde_json::Value;

pub use self::error::{SignError, SigningKeyError};
use self::private_key::KeyPair;
use crate::algorithm::Algorithm;
use crate::base64url::encode;
use crate::key_material::{Curve, KeyMaterial};
use crate::thumbprint::Thumbprint;

/// A private key or a shared secret, with which a client signs by one algorithm.
///
/// It signs the assertions of `private_key_jwt` and `client_secret_jwt` (RFC 7523 §2.2), and DPoP proofs. Clones are cheap and share
/// the key, which is wiped from memory when the last one is dropped.
///
/// ```
/// use portcullis_jose::SigningKey;
/// let key = SigningKey::from_jwk(
///     br#"{"kty": "OKP", "crv": "Ed25519", "kid": "billing-1",
///         "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
///         "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
///     None,
/// )?;
/// let assertion = key.sign_compact(
///     Some("client-authentication+jwt"),
///     &serde_json::json!({"iss": "billing", "sub": "billing", "aud": "https://issuer.example.com"}),
/// )?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<KeyPair>,
    kid: Option<Arc<str>>,
    /// The thumbprint of its certificate, in base64url.
    x5t_s256: Option<Arc<str>>,
}

#[derive(Default, Serialize)]
pub(crate) struct ProtectedHeader<'h> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) typ: Option<&'h str>,
    pub(crate) alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<&'h str>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub(crate) x5t_s256: Option<&'h str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jwk: Option<&'h Value>,
}

impl SigningKey {
    /// Reads the one private key of a PEM text, for `algorithm`.
    ///
    /// It may be PKCS #8 (`PRIVATE KEY`, RFC 5208 and RFC 5958), SEC 1 (`EC PRIVATE KEY`, RFC 5915) or PKCS #1
    /// (`RSA PRIVATE KEY`, RFC 8017 §A.1.2). Other blocks, such as `EC PARAMETERS` and `CERTIFICATE`, are ignored. The
    /// key has no `kid`: see [`with_kid`](Self::with_kid).
    ///
    /// # Errors
    ///
    /// If there is no private key, more than one, an encrypted one, or one that is ill-formed or does not fit
    /// `algorithm`. RSA keys must have 2048 to 8192 bits and two primes.
    pub fn from_pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        Ok(Self::new(pem::parse(pem, algorithm)?, None))
    }

    /// Reads a private JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) with its `kid`, for `algorithm`, or for the key's own.
    ///
    /// Without `alg`, EC and OKP keys are for the one algorithm of their curve. An RSA key must have `p`, `q`, `dp`,
    /// `dq` and `qi`, and no `oth`. Private members must not have escapes (`\u0041`).
    ///
    /// # Errors
    ///
    /// If it is not a JSON object with unique members, is not a private key of a supported type, is not for signing
    /// (`use`, `key_ops`), its public and private halves do not match, it is for another algorithm, or neither
    /// `algorithm` nor an `alg` is given for an RSA key.
    pub fn from_jwk(jwk: &[u8], algorithm: Option<Algorithm>) -> Result<Self, SigningKeyError> {
        let (pair, kid) = jwk::parse(jwk, algorithm)?;
        Ok(Self::new(pair, kid))
    }

    /// A secret shared with the issuer, for `algorithm`, one of `HS*`. HMAC uses the bytes of its text (OpenID Connect
    /// Core §10.1).
    ///
    /// # Errors
    ///
    /// If `algorithm` is another, or the secret is shorter than the output of its hash (RFC 7518 §3.2).
    pub fn from_secret(secret: &Secret, algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        Ok(Self::new(KeyPair::secret(secret, algorithm)?, None))
    }

    pub(crate) fn generate_es256() -> Result<Self, SigningKeyError> {
        let curve = Curve::of(Algorithm::ES256)?;
        let pair =
            EcdsaKeyPair::generate(curve.signing).map_err(|_| SigningKeyError::NotGenerated)?;
        let pair = KeyPair::ec(curve, Algorithm::ES256, |_| Ok(pair))?;
        Ok(Self::new(pair, None))
    }

    fn new(pair: KeyPair, kid: Option<String>) -> Self {
        Self {
            pair: Arc::new(pair),
            kid: kid.map(Arc::from),
            x5t_s256: None,
        }
    }

    /// Names the key as the issuer knows it (`kid`, RFC 7515 §4.1.4).
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into().into());
        self
    }

    /// Adds the thumbprint of the key's certificate (`x5t#S256`, RFC 7515 §4.1.8) to headers, for servers that find the
    /// public key by this thumbprint, such as Entra ID. `pem` contains the certificate, or a chain that begins with it.
    ///
    /// # Errors
    ///
    /// If there is no certificate, or it is for another key.
    pub fn with_certificate(mut self, pem: &[u8]) -> Result<Self, SigningKeyError> {
        let der = pem::certificate(pem)?;
        let public = match &self.pair.public {
            KeyMaterial::Rsa { modulus, .. } => &modulus[..],
            KeyMaterial::Ec { point, .. } => point,
            KeyMaterial::Ed25519(point) => point,
            KeyMaterial::Secret { .. } => return Err(SigningKeyError::OtherCertificate),
        };
        // A certificate contains the bytes of its public key, and this check only has to catch mistakes.
        if !der.windows(public.len()).any(|window| window == public) {
            return Err(SigningKeyError::OtherCertificate);
        }
        let thumbprint = digest(&SHA256, &der);
        self.x5t_s256 = Some(encode(thumbprint.as_ref()).into());
        Ok(self)
    }

    /// The algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.pair.algorithm
    }

    /// Its name, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The RFC 7638 thumbprint of its public half, or for a secret a random value; see [`Thumbprint`].
    pub fn thumbprint(&self) -> Thumbprint {
        self.pair.public.thumbprint()
    }

    /// Its public half as a JWK with the required members only, without `kid` and `alg`; `None` for a secret.
    pub fn public_jwk(&self) -> Option<Value> {
        let jwk = self.pair.public.public_jwk()?;
        serde_json::from_str(&jwk).ok()
    }

    /// Signs `message` in the form of JWS (RFC 7518 §3, RFC 8037 §3.1): for ECDSA, `r` and `s` in full length.
    ///
    /// # Errors
    ///
    /// If the cryptographic library fails, for instance because random numbers are not available.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.pair.sign(message)
    }

    /// Signs `claims` as a JWT in the compact serialization (RFC 7515 §7.1, RFC 7519 §7.1).
    ///
    /// The header has `alg`, `kid` if the key has a name, `x5t#S256` if it has a certificate, and `typ` if that is given.
    ///
    /// # Errors
    ///
    /// If `claims` do not serialize to a JSON object, or as [`sign`](Self::sign).
    pub fn sign_compact(
        &self,
        typ: Option<&str>,
        claims: &impl Serialize,
    ) -> Result<String, SignError> {
        let header = ProtectedHeader {
            typ,
            alg: self.algorithm().as_str(),
            kid: self.kid(),
            x5t_s256: self.x5t_s256.as_deref(),
            jwk: None,
        };
        self.sign_parts(&header, claims)
    }

    pub(crate) fn sign_parts(
        &self,
        header: &ProtectedHeader<'_>,
        claims: &impl Serialize,
    ) -> Result<String, SignError> {
        let header = serde_json::to_vec(header).map_err(SignError::Claims)?;
        let claims = serde_json::to_vec(claims).map_err(SignError::Claims)?;
        if !claims.starts_with(b"{") {
            return Err(SignError::ClaimsNotAnObject);
        }
        let input = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.sign(input.as_bytes())?;
        Ok(format!("{input}.{}", encode(&signature)))
    }
}

/// A random `jti` (RFC 7519 §4.1.7): 128 bits in base64url.
///
/// # Errors
///
/// [`SignError::NoRandomness`].
pub fn random_jti() -> Result<String, SignError> {
    let mut random = [0; 16];
    rand::fill(&mut random).map_err(|_| SignError::NoRandomness)?;
    Ok(encode(&random))
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("kid", &self.kid)
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}
