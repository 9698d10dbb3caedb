//! The keys of one issuer.

mod jwks;
mod key;
mod pem;
mod report;
mod verify;

use portcullis_core::Secret;

pub use self::jwks::KeySetError;
pub use self::key::VerificationKey;
pub use self::pem::PemError;
pub use self::report::{Finding, KeySetReport};
pub use self::verify::SignatureError;
use crate::algorithm::Algorithm;
use crate::backend::{AwsLc, SignatureBackend};
use crate::jwk;
use crate::key_material::{KeyMaterial, KeyRejected};

/// The keys of one issuer, each prepared for its algorithms. It never changes.
///
/// Never mix the keys of two issuers in one set: each issuer could then sign for the other.
///
/// ```
/// use portcullis_jose::{CompactJws, KeySet};
///
/// // RFC 8037 Appendix A.
/// let keys = KeySet::parse(
///     br#"{"keys": [
///         {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
///         {"kty": "oct", "k": "AAAA"}
///     ]}"#,
/// )?;
/// assert_eq!((keys.keys().len(), keys.report().skipped_count), (1, 1));
///
/// let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-\
///              09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
/// let jws = CompactJws::parse(token)?;
/// let key = keys.verify(&jws, &jws.header()?)?;
/// assert_eq!(key.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    report: KeySetReport,
}

impl KeySet {
    /// The largest JWK Set that is read, in bytes: 256 KiB.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// The most usable keys that a set may have.
    pub const MAX_KEYS: usize = 64;

    /// The public members of a key that are read (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). Others are ignored.
    pub const KEY_MEMBERS: [&'static str; 10] = jwk::PUBLIC;

    /// The most keys that a signature is tried with.
    pub const MAX_CANDIDATES: usize = 4;

    /// A secret shared with the issuer, for `algorithm`, one of `HS*`. Prefer public keys: every service that can verify
    /// with a secret can also sign with it.
    ///
    /// # Errors
    ///
    /// If `algorithm` is another, or the secret is shorter than the output of its hash (RFC 7518 §3.2).
    pub fn from_secret(algorithm: Algorithm, secret: Secret) -> Result<Self, KeyRejected> {
        Self::from_secret_with(algorithm, secret, &AwsLc)
    }

    /// As [`from_secret`](Self::from_secret), with another backend.
    ///
    /// # Errors
    ///
    /// As [`from_secret`](Self::from_secret).
    pub fn from_secret_with(
        algorithm: Algorithm,
        secret: Secret,
        backend: &dyn SignatureBackend,
    ) -> Result<Self, KeyRejected> {
        let material = KeyMaterial::secret(algorithm, secret)?;
        let key = VerificationKey::prepare(None, &material, &[algorithm], backend)?;
        Ok(Self::new(vec![key]))
    }

    /// The usable keys, in the order they were published in.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &VerificationKey> {
        self.keys.iter()
    }

    /// What was found while the set was read, besides its usable keys.
    pub fn report(&self) -> &KeySetReport {
        &self.report
    }

    fn new(keys: Vec<VerificationKey>) -> Self {
        Self {
            keys,
            report: KeySetReport::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;

    use super::*;
    use crate::base64url;
    use crate::jws::CompactJws;
    use crate::testing::{Signer, jwks};

    fn verify(keys: &KeySet, token: &str) -> Result<(), SignatureError> {
        let jws = CompactJws::parse(token).expect("three parts");
        let header = jws.header().expect("a good header");
        keys.verify(&jws, &header).map(|_| ())
    }

    fn hmac_token(algorithm: Algorithm, hash: hmac::Algorithm, secret: &[u8]) -> String {
        let header = base64url::encode(format!(r#"{{"alg":"{algorithm}","kid":"a"}}"#).as_bytes());
        let input = format!("{header}.e30");
        let tag = hmac::sign(&hmac::Key::new(hash, secret), input.as_bytes());
        format!("{input}.{}", base64url::encode(tag.as_ref()))
    }

    #[test]
    fn secret_verifies_only_its_algorithm() {
        let secret = [b's'; 64];
        for (algorithm, hash) in [
            (Algorithm::HS256, hmac::HMAC_SHA256),
            (Algorithm::HS384, hmac::HMAC_SHA384),
            (Algorithm::HS512, hmac::HMAC_SHA512),
        ] {
            let keys =
                KeySet::from_secret(algorithm, Secret::new(secret.to_vec())).expect("long enough");
            assert_eq!(verify(&keys, &hmac_token(algorithm, hash, &secret)), Ok(()));
            assert_eq!(
                verify(&keys, &hmac_token(algorithm, hash, &[b't'; 64])),
                Err(SignatureError::UnknownKid)
            );
            for other in Algorithm::SYMMETRIC
                .into_iter()
                .filter(|other| *other != algorithm)
            {
                assert!(verify(&keys, &hmac_token(other, hash, &secret)).is_err());
            }
        }
    }

    #[test]
    fn p1_a_public_key_is_never_an_hmac_secret() {
        let signer = Signer::new(Algorithm::RS256);
        let keys =
            KeySet::parse(jwks(&[signer.jwk(r#","kid":"a""#)]).as_bytes()).expect("a usable set");
        let pem = pem::tests::pem("PUBLIC KEY", &signer.spki());
        let jwk = signer.jwk("");
        for secret in [
            pem.as_bytes(),
            pem.trim_end().as_bytes(),
            &signer.spki(),
            &signer.pkcs1(),
            jwk.as_bytes(),
            b"",
        ] {
            let token = hmac_token(Algorithm::HS256, hmac::HMAC_SHA256, secret);
            assert_eq!(
                verify(&keys, &token),
                Err(SignatureError::KidForOtherAlgorithm(Algorithm::HS256))
            );
        }
    }

    #[test]
    fn p1_a_symmetric_key_of_a_public_set_is_never_used() {
        let secret = [7; 64];
        let oct = format!(
            r#"{{"kty":"oct","kid":"a","k":"{}"}}"#,
            base64url::encode(&secret)
        );
        let keys = jwks(&[Signer::new(Algorithm::ES256).jwk(""), oct]);
        let keys = KeySet::parse(keys.as_bytes()).expect("a usable set");
        let token = hmac_token(Algorithm::HS256, hmac::HMAC_SHA256, &secret);
        assert_eq!(verify(&keys, &token), Err(SignatureError::UnknownKid));
    }

    #[test]
    fn debug_does_not_show_secrets() {
        let keys = KeySet::from_secret(
            Algorithm::HS256,
            Secret::new("correct horse battery staple 1234"),
        )
        .expect("long");
        assert!(!format!("{keys:?}").contains("horse"));
    }
}
