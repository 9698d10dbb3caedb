//! The issuer, its public keys, and one valid credential of each kind.

use portcullis_core::clock::UnixTime;
use portcullis_test::{SigningAlgorithm, TestKey, TokenBuilder};
use serde_json::{Value, json};

/// The issuer, with a name that has many lookalikes. Its keys are configured, not discovered.
pub(super) const ISSUER: &str = "https://issuer.example.com/tenant";
pub(super) const AUDIENCE: &str = "https://orders.example.com";
pub(super) const READ: &str = "orders:read";

/// A secret that the issuer published as `oct` keys by mistake.
pub(super) const PUBLISHED_SECRET: &[u8] =
    b"a secret of sixty-four octets that was published by its issuer!!";

/// The published algorithms, each with its own key, whose `kid` is the name of the algorithm in lower case.
pub(super) const PUBLISHED: [SigningAlgorithm; 6] = [
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::ES256,
    SigningAlgorithm::ES384,
    SigningAlgorithm::ES512,
    SigningAlgorithm::EdDSA,
];

/// The material of the cases.
pub(super) struct World {
    /// The current time.
    pub(super) now: UnixTime,
    /// An API key with `orders:read`.
    pub(super) api_key: String,
    /// The URL of an attacker's server. Any request to it is a finding.
    pub(super) elsewhere: String,
}

impl World {
    /// A builder of a valid token with `orders:read`, signed with ES256.
    pub(super) fn token(&self) -> TokenBuilder {
        self.token_by(&key(SigningAlgorithm::ES256))
    }

    /// Like [`token`](Self::token), with another key.
    pub(super) fn token_by(&self, key: &TestKey) -> TokenBuilder {
        TokenBuilder::new(ISSUER, key, self.now)
            .audience(AUDIENCE)
            .scope(READ)
    }
}

/// The published key of an algorithm.
pub(super) fn key(algorithm: SigningAlgorithm) -> TestKey {
    let index = usize::from(algorithm == SigningAlgorithm::PS256);
    TestKey::shared(algorithm, index).with_kid(algorithm.as_str().to_lowercase())
}

/// The published RSA key without `alg`.
pub(super) fn unmarked_rsa_key() -> TestKey {
    TestKey::shared(SigningAlgorithm::RS256, 2).with_kid("rsa")
}

/// A key that is not published.
pub(super) fn stranger(algorithm: SigningAlgorithm) -> TestKey {
    TestKey::shared(algorithm, 3)
}

/// The key set.
pub(super) fn key_set() -> Value {
    let mut keys: Vec<Value> = PUBLISHED
        .map(|algorithm| key(algorithm).public_jwk())
        .into();
    let mut unmarked = unmarked_rsa_key().public_jwk();
    unmarked.as_object_mut().expect("a JWK").remove("alg");
    keys.push(unmarked);
    let secret = TestKey::hmac(SigningAlgorithm::HS512, PUBLISHED_SECRET).public_jwk()["k"].clone();
    let mut rsa_with_secret = stranger(SigningAlgorithm::RS256).public_jwk();
    rsa_with_secret["kid"] = "rsa-with-secret".into();
    rsa_with_secret["alg"] = "HS256".into();
    rsa_with_secret["k"] = secret.clone();
    keys.extend([
        json!({"kty": "oct", "kid": "symmetric", "alg": "HS256", "use": "sig", "k": secret}),
        json!({"kty": "oct", "kid": "symmetric-512", "alg": "HS512", "k": secret}),
        json!({"kty": "oct", "kid": "symmetric-unmarked", "k": secret}),
        json!({"kty": "oct", "kid": "symmetric-as-rs256", "alg": "RS256", "k": secret}),
        json!({"kty": "oct", "kid": "symmetric-empty", "alg": "HS256", "k": ""}),
        rsa_with_secret,
    ]);
    json!({ "keys": keys })
}
