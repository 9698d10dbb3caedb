//! An issuer's key, its tokens, and a manual clock.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_core::{
    Principal,
    clock::{Clock, SharedClock, UnixTime},
};
use portcullis_jose::KeySet;
use portcullis_jwt::{
    Algorithm, BearerBuilder, IssuerKeys, JwtVerifier, JwtVerifierBuilder, Profile, VerifyError,
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example.com";
pub(crate) const AUDIENCE: &str = "https://orders.example.com";
/// Another issuer.
pub(crate) const PARTNER: &str = "https://partner.example.com";
/// The time of the tests.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A signing key.
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    kid: &'static str,
}

impl Signer {
    /// The key of this seed, with this `kid`.
    pub(crate) fn new(seed: u8, kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
        Self { pair, kid }
    }

    pub(crate) fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x})
    }

    pub(crate) fn key_set(&self) -> KeySet {
        key_set([self])
    }

    /// Signs any header and claims.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        format!(
            "{input}.{}",
            URL_SAFE_NO_PAD.encode(self.pair.sign(input.as_bytes()))
        )
    }

    /// A token of this type.
    pub(crate) fn token(&self, typ: Option<&str>, claims: &Value) -> String {
        let mut header = json!({"alg": "EdDSA", "kid": self.kid});
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        self.sign(&header.to_string(), &claims.to_string())
    }

    /// An RFC 9068 access token with these claims.
    pub(crate) fn access_token(&self, claims: &Value) -> String {
        self.token(Some("at+jwt"), claims)
    }
}

pub(crate) fn key_set<'s>(signers: impl IntoIterator<Item = &'s Signer>) -> KeySet {
    let keys: Vec<Value> = signers.into_iter().map(Signer::jwk).collect();
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("a key set")
}

/// The signer that most tests use.
pub(crate) fn signer() -> Signer {
    Signer::new(1, "key-1")
}

/// The key of [`PARTNER`], with the same `kid` as [`signer`]'s.
pub(crate) fn partner_signer() -> Signer {
    Signer::new(5, "key-1")
}

/// The issuer that publishes [`signer`]'s key.
pub(crate) fn issuer() -> IssuerKeys {
    IssuerKeys::fixed(ISSUER, signer().key_set()).expect("an issuer")
}

/// A verifier of the usual issuer, audience and algorithm.
pub(crate) fn verifier(profile: Profile) -> JwtVerifierBuilder {
    JwtVerifier::of(&issuer())
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .profile(profile)
}

/// A verifier with the default profile.
pub(crate) fn strict() -> JwtVerifier {
    verifier(Profile::rfc9068()).build().expect("a verifier")
}

/// The claim that has the wrong type.
pub(crate) fn invalid_claim(error: VerifyError) -> String {
    match error {
        VerifyError::InvalidClaim(claim, _) => claim,
        other => panic!("{other}"),
    }
}

/// The error of the default profile for a valid access token with these changes to its claims.
pub(crate) fn refused(changes: Value) -> VerifyError {
    judge(
        &strict(),
        &signer().access_token(&claims_with(changes.clone())),
    )
    .expect_err(&changes.to_string())
}

/// Checks that the default profile accepts a valid access token with these changes to its claims.
pub(crate) fn accepted(changes: Value) {
    let verdict = judge(
        &strict(),
        &signer().access_token(&claims_with(changes.clone())),
    );
    assert!(verdict.is_ok(), "{changes}: {verdict:?}");
}

/// Disables the token cache of a scheme if `PORTCULLIS_TOKEN_CACHE=off` is in the environment.
pub(crate) fn apply_token_cache_env(bearer: BearerBuilder) -> BearerBuilder {
    match std::env::var_os("PORTCULLIS_TOKEN_CACHE") {
        Some(value) if value == "off" => bearer.without_token_cache(),
        _ => bearer,
    }
}

/// The claims that the strict profile requires, for a machine.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "billing",
        "client_id": "billing",
        "iat": NOW - 10,
        "exp": NOW + 290,
        "jti": "token-1",
        "scope": "orders:read orders:write",
    })
}

/// The usual claims with some of them replaced, or with `null` removed.
pub(crate) fn claims_with(changes: Value) -> Value {
    changed(claims(), changes)
}

/// `claims` with some of them replaced, or with `null` removed.
pub(crate) fn changed(mut claims: Value, changes: Value) -> Value {
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// Verifies `token` at [`NOW`] and binds it, as a bearer scheme does.
pub(crate) fn judge(verifier: &JwtVerifier, token: &str) -> Result<Principal, VerifyError> {
    judge_at(verifier, token, NOW)
}

/// Like [`judge`], at another time.
pub(crate) fn judge_at(
    verifier: &JwtVerifier,
    token: &str,
    now: u64,
) -> Result<Principal, VerifyError> {
    verifier
        .verify(token, UnixTime::from_secs(now))?
        .as_bearer()
        .cloned()
}

/// A clock that only the test moves.
#[derive(Clone, Debug)]
pub(crate) struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW)))
    }

    pub(crate) fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }

    pub(crate) fn set(&self, now: UnixTime) {
        self.0.store(now.as_secs(), Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}
