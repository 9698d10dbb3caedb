//! DPoP proofs: the sender of a request proves that it has a key (RFC 9449).

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_core::clock::UnixTime;
use serde::Serialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::signing::{ProtectedHeader, SignError, SigningKey, SigningKeyError, random_jti};
use crate::thumbprint::Thumbprint;

/// The key that a client's tokens are bound to (RFC 9449 §5). It makes proofs for requests.
#[derive(Clone, Debug)]
pub struct DpopKey {
    key: SigningKey,
    jwk: Value,
}

/// The request that a proof is made for (RFC 9449 §4.2).
#[derive(Clone, Copy, Debug)]
pub struct DpopRequest<'r> {
    /// Its method.
    pub method: &'r str,
    /// Its URI, from which the caller has removed query and fragment.
    pub uri: &'r str,
    /// The current time.
    pub now: UnixTime,
    /// The access token that is sent with the request, if any.
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
    /// Generates a key for ES256, which practically every server with DPoP accepts.
    ///
    /// # Errors
    ///
    /// If the operating system provides no random numbers.
    pub fn generate() -> Result<Self, SigningKeyError> {
        Self::new(SigningKey::generate_es256()?)
    }

    /// Makes proofs with `key`.
    ///
    /// # Errors
    ///
    /// If `key` is a shared secret: a proof contains a public key (RFC 9449 §4.2).
    pub fn new(key: SigningKey) -> Result<Self, SigningKeyError> {
        let jwk = key.public_jwk().ok_or(SigningKeyError::Symmetric)?;
        Ok(Self { key, jwk })
    }

    /// The `cnf.jkt` of a token that is bound to this key (RFC 9449 §6.1).
    pub fn thumbprint(&self) -> Thumbprint {
        self.key.thumbprint()
    }

    /// The algorithm of the proofs.
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// Makes the value of the `DPoP` header for one request. `nonce` is the server's latest one, if it sent any (§8).
    ///
    /// # Errors
    ///
    /// If random numbers are not available, or the cryptographic library fails.
    pub fn proof(
        &self,
        request: &DpopRequest<'_>,
        nonce: Option<&str>,
    ) -> Result<String, SignError> {
        let ath = |token: &str| base64url::encode(digest(&SHA256, token.as_bytes()).as_ref());
        let claims = Claims {
            jti: random_jti()?,
            htm: request.method,
            htu: request.uri,
            iat: request.now.as_secs(),
            nonce,
            ath: request.access_token.map(ath),
        };
        let header = ProtectedHeader {
            typ: Some("dpop+jwt"),
            alg: self.algorithm().as_str(),
            jwk: Some(&self.jwk),
            ..ProtectedHeader::default()
        };
        self.key.sign_parts(&header, &claims)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;
    use serde_json::json;

    use super::*;
    use crate::{CompactJws, KeySet};

    fn part(proof: &str, index: usize) -> Value {
        let part = proof.split('.').nth(index).expect("three parts");
        serde_json::from_slice(&base64url::decode(part).expect("base64url")).expect("JSON")
    }

    #[test]
    fn proof_has_the_claims_of_its_request_and_verifies_with_its_jwk() {
        let key = DpopKey::generate().expect("a key");
        let request = DpopRequest {
            method: "GET",
            uri: "https://orders.example.com/orders",
            now: UnixTime::from_secs(1_790_000_000),
            // RFC 9449 §7.1 has this token and its digest.
            access_token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
        };
        let proof = key.proof(&request, Some("n-1")).expect("a proof");
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
        let header = jws.header().expect("a header");
        let found = keys.verify(&jws, &header).expect("it holds");
        assert_eq!(found.thumbprint(), key.thumbprint());

        let again = key.proof(&request, Some("n-1")).expect("a proof");
        assert_ne!(part(&again, 1).get("jti"), id.as_ref());
    }

    #[test]
    fn proof_without_nonce_and_token_omits_both_claims() {
        let key = DpopKey::generate().expect("a key");
        let request = DpopRequest {
            method: "POST",
            uri: "https://id.example.com/token",
            now: UnixTime::from_secs(1),
            access_token: None,
        };
        let claims = part(&key.proof(&request, None).expect("a proof"), 1);
        assert_eq!(
            claims.as_object().map(serde_json::Map::len),
            Some(4),
            "{claims}"
        );
    }

    #[test]
    fn shared_secret_is_rejected() {
        let secret = Secret::new([7; 32]);
        let key = SigningKey::from_secret(&secret, Algorithm::HS256).expect("a key");
        assert_eq!(DpopKey::new(key).err(), Some(SigningKeyError::Symmetric));
    }
}
