//! Proofs that whoever sends a request has a key (RFC 9449).

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use portcullis_core::UnixTime;
use serde::Serialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::signing::{SignError, SigningKey, SigningKeyError};
use crate::thumbprint::Thumbprint;

/// The key that a client's tokens are bound to (RFC 9449 §5), and the proofs that it makes with it.
///
/// ```
/// use portcullis_core::UnixTime;
/// use portcullis_jose::{DpopKey, DpopRequest};
///
/// let key = DpopKey::generate()?;
/// let proof = key.proof(&DpopRequest {
///     method: "POST",
///     uri: "https://issuer.example.com/token",
///     now: UnixTime::from_secs(1_790_000_000),
///     nonce: None,
///     access_token: None,
/// })?;
/// assert_eq!(proof.split('.').count(), 3);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DpopKey {
    key: SigningKey,
    jwk: Value,
}

/// The request that a proof is for (RFC 9449 §4.2).
#[derive(Clone, Copy, Debug)]
pub struct DpopRequest<'r> {
    /// Its method.
    pub method: &'r str,
    /// Its URI without query and fragment: the caller cuts them off.
    pub uri: &'r str,
    /// The time, by our clock.
    pub now: UnixTime,
    /// The nonce that the server gave last, where it gave one (§8).
    pub nonce: Option<&'r str>,
    /// The token that is sent along, where one is.
    pub access_token: Option<&'r str>,
}

#[derive(Serialize)]
struct Claims<'c> {
    jti: String,
    htm: &'c str,
    htu: &'c str,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
}

impl DpopKey {
    /// The `typ` of a proof.
    const TYP: &str = "dpop+jwt";

    /// A key of its own for the life of the process: P-256, for ES256, which every server that knows DPoP is likely to
    /// accept.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random numbers.
    pub fn generate() -> Result<Self, SigningKeyError> {
        Self::new(SigningKey::generate_es256()?)
    }

    /// This key.
    ///
    /// # Errors
    ///
    /// When it is a shared secret: a proof names the public key that it can be checked with (RFC 9449 §4.2).
    pub fn new(key: SigningKey) -> Result<Self, SigningKeyError> {
        let jwk = key.public_jwk().ok_or(SigningKeyError::Symmetric)?;
        // The proof has the whole key in it, so that a name would tell nothing.
        let key = key.without_kid();
        Ok(Self { key, jwk })
    }

    /// What a token that is bound to this key has in `cnf.jkt` (RFC 9449 §6.1).
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.key.thumbprint()
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// A fresh proof for one request: what its `DPoP` header holds.
    ///
    /// # Errors
    ///
    /// When the cryptographic library fails, for want of random numbers for instance.
    pub fn proof(&self, request: &DpopRequest<'_>) -> Result<String, SignError> {
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| SignError::Library)?;
        let ath = |token: &str| base64url::encode(digest(&SHA256, token.as_bytes()).as_ref());
        let claims = Claims {
            jti: base64url::encode(&id),
            htm: request.method,
            htu: request.uri,
            iat: request.now.as_secs(),
            nonce: request.nonce,
            ath: request.access_token.map(ath),
        };
        self.key.sign_with_jwk(Self::TYP, &self.jwk, &claims)
    }
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;
    use serde_json::json;

    use super::*;
    use crate::{CompactJws, HeaderBuffer, KeySet};

    fn part(proof: &str, index: usize) -> Value {
        let part = proof.split('.').nth(index).expect("three parts");
        serde_json::from_slice(&base64url::decode(part).expect("base64url")).expect("JSON")
    }

    #[test]
    fn a_proof_says_what_it_is_for_and_can_be_checked_with_the_key_in_it() {
        let key = DpopKey::generate().expect("a key");
        let request = DpopRequest {
            method: "GET",
            uri: "https://orders.example.com/orders",
            now: UnixTime::from_secs(1_790_000_000),
            nonce: Some("n-1"),
            // RFC 9449 §7.1 has this token and its digest.
            access_token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
        };
        let proof = key.proof(&request).expect("a proof");
        let (header, mut claims) = (part(&proof, 0), part(&proof, 1));
        let id = claims
            .as_object_mut()
            .and_then(|claims| claims.remove("jti"));
        assert_eq!(
            claims,
            json!({
                "htm": "GET", "htu": "https://orders.example.com/orders", "iat": 1_790_000_000,
                "nonce": "n-1", "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo",
            })
        );
        assert_eq!(header["typ"], "dpop+jwt");
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header.as_object().map(serde_json::Map::len), Some(3));

        let keys = json!({ "keys": [header["jwk"]] }).to_string();
        let keys = KeySet::parse(keys.as_bytes()).expect("a key");
        let jws = CompactJws::parse(&proof).expect("a JWS");
        let mut buffer = HeaderBuffer::new();
        let header = jws.header(&mut buffer).expect("a header");
        let found = keys.verify(&jws, &header).expect("it holds");
        assert_eq!(found.thumbprint(), key.thumbprint());

        let again = key.proof(&request).expect("a proof");
        assert_ne!(part(&again, 1).get("jti"), id.as_ref());
    }

    #[test]
    fn a_proof_without_nonce_and_token_has_neither() {
        let key = DpopKey::generate().expect("a key");
        let request = DpopRequest {
            method: "POST",
            uri: "https://id.example.com/token",
            now: UnixTime::from_secs(1),
            nonce: None,
            access_token: None,
        };
        let claims = part(&key.proof(&request).expect("a proof"), 1);
        assert_eq!(
            claims.as_object().map(serde_json::Map::len),
            Some(4),
            "{claims}"
        );
    }

    #[test]
    fn a_shared_secret_proves_nothing_to_others() {
        let secret = Secret::new([7; 32]);
        let key = SigningKey::from_secret(&secret, Algorithm::HS256).expect("a key");
        assert_eq!(DpopKey::new(key).err(), Some(SigningKeyError::Symmetric));
    }
}
