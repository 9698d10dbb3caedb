//! Minting tokens.

use std::time::Duration;

use portcullis_core::clock::UnixTime;
use serde_json::{Map, Value};

use crate::{TestKey, encoding::base64url};

/// The default lifetime of a token.
pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// Builds a token; every part can be replaced or left out.
///
/// [`TestIssuer::token`](crate::TestIssuer::token) starts with a valid RFC 9068 access token: typed `at+jwt`, for the
/// issuer's default audience and client, with a random `jti`, valid for five minutes from now, without a scope.
///
/// ```
/// use portcullis_core::clock::UnixTime;
/// use portcullis_test::{SigningAlgorithm, TestKey, TokenBuilder};
///
/// let key = TestKey::generate(SigningAlgorithm::Ed25519);
/// let token = TokenBuilder::new("https://issuer.example.com", &key, UnixTime::from_secs(1_800_000_000))
///     .audience("https://orders.example.com")
///     .scope("orders:read")
///     .without_claim("jti")
///     .mint();
/// assert_eq!(token.split('.').count(), 3);
/// ```
#[derive(Clone, Debug)]
#[must_use = "`mint` makes the token"]
pub struct TokenBuilder {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    raw_header: Option<Vec<u8>>,
    raw_payload: Option<Vec<u8>>,
    pub(crate) key: TestKey,
    /// When the builder was made.
    pub(crate) now: UnixTime,
}

impl TokenBuilder {
    /// A token of `issuer`, signed with `key` at `now`, without an audience.
    pub fn new(issuer: &str, key: &TestKey, now: UnixTime) -> Self {
        Self {
            header: Map::new(),
            claims: Map::new(),
            raw_header: None,
            raw_payload: None,
            key: key.clone(),
            now,
        }
        .typ("at+jwt")
        .sign_with(key)
        .claim("iss", issuer)
        .client_id(crate::DEFAULT_CLIENT_ID)
        .subject(crate::DEFAULT_CLIENT_ID)
        .claim("jti", random_id())
        .issued_at(now)
        .expires_in(DEFAULT_LIFETIME)
    }

    /// Sets a header parameter.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a header parameter.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets `typ` (RFC 7515 §4.1.9).
    pub fn typ(self, typ: &str) -> Self {
        self.header("typ", typ)
    }

    /// Sets `alg` in the header; the key still signs with its own algorithm. See [`sign_with`](Self::sign_with).
    pub fn alg(self, alg: &str) -> Self {
        self.header("alg", alg)
    }

    /// Sets `kid` (RFC 7515 §4.1.4).
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// Sets `scope`, names separated by spaces (RFC 8693 §4.2).
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Sets `aud` to one audience. For several, pass an array to [`claim`](Self::claim).
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// Sets `client_id` (RFC 8693 §4.3).
    pub fn client_id(self, client_id: &str) -> Self {
        self.claim("client_id", client_id)
    }

    /// Sets `sub`, which is the client in a machine's token (RFC 9068 §2.2).
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Sets `iat`, in whole seconds.
    pub fn issued_at(self, at: UnixTime) -> Self {
        self.claim("iat", at.as_secs())
    }

    /// Sets `nbf`, in whole seconds.
    pub fn not_before(self, at: UnixTime) -> Self {
        self.claim("nbf", at.as_secs())
    }

    /// Sets `exp`, in whole seconds.
    pub fn expires_at(self, at: UnixTime) -> Self {
        self.claim("exp", at.as_secs())
    }

    /// Sets `exp` to this long after the time when the builder was made.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let at = self.now.saturating_add(lifetime);
        self.expires_at(at)
    }

    /// Signs with `key`, and sets its `alg` and `kid` in the header.
    pub fn sign_with(mut self, key: &TestKey) -> Self {
        self = self.alg(key.algorithm().as_str()).signature_by(key);
        match key.kid() {
            Some(kid) => self.kid(kid),
            None => self.without_header("kid"),
        }
    }

    /// Signs with `key`, and keeps `alg` and `kid` in the header: a forgery.
    pub fn signature_by(mut self, key: &TestKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Replaces the header by any bytes. The signature covers them.
    pub fn raw_header(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(bytes.into());
        self
    }

    /// Replaces the claims by any bytes. The signature covers them.
    pub fn raw_payload(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_payload = Some(bytes.into());
        self
    }

    /// Makes the token, in the compact serialisation (RFC 7515 §3.1).
    #[must_use]
    pub fn mint(&self) -> String {
        self.parts().join(".")
    }

    pub(crate) fn claim_text(&self, name: &str) -> &str {
        let claim = self.claims.get(name);
        claim.and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn header_bytes(&self) -> Vec<u8> {
        bytes(self.raw_header.as_ref(), &self.header)
    }

    pub(crate) fn payload_bytes(&self) -> Vec<u8> {
        bytes(self.raw_payload.as_ref(), &self.claims)
    }

    /// The encoded header, payload and signature.
    pub(crate) fn parts(&self) -> [String; 3] {
        self.sign_payload(base64url(self.payload_bytes()))
    }

    /// Signs the header with an encoded payload.
    pub(crate) fn sign_payload(&self, payload: String) -> [String; 3] {
        let header = base64url(self.header_bytes());
        let signature = self.key.sign(format!("{header}.{payload}").as_bytes());
        [header, payload, base64url(signature)]
    }
}

fn bytes(raw: Option<&Vec<u8>>, members: &Map<String, Value>) -> Vec<u8> {
    raw.cloned()
        .unwrap_or_else(|| Value::Object(members.clone()).to_string().into_bytes())
}

fn random_id() -> String {
    let mut id = [0; 16];
    aws_lc_rs::rand::fill(&mut id).expect("random numbers");
    base64url(id)
}
