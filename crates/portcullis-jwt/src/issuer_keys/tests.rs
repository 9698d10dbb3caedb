use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_core::clock::UnixTime;

use super::*;

/// Counts its live instances.
struct Owner(Arc<AtomicUsize>);

impl Owner {
    fn new(alive: &Arc<AtomicUsize>) -> Box<Self> {
        alive.fetch_add(1, Ordering::Relaxed);
        Box::new(Self(alive.clone()))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Refresher for Owner {
    fn request_newer_keys(&self, _: u64) -> RefreshAnswer {
        RefreshAnswer::Saturated
    }

    fn report_bad_signature(&self) {}
}

fn refreshed() -> (IssuerKeys, KeyPublisher, Arc<AtomicUsize>) {
    let alive = Arc::default();
    let (keys, publisher) =
        IssuerKeys::refreshed("https://issuer.example", Owner::new(&alive)).expect("an issuer");
    (keys, publisher, alive)
}

/// A new public key with these members (`,"kid":"a"`).
fn jwk(members: &str) -> String {
    let pair = Ed25519KeyPair::generate().expect("an Ed25519 key");
    jwk_of(&pair, members)
}

fn jwk_of(pair: &Ed25519KeyPair, members: &str) -> String {
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{members}}}"#)
}

/// The RSA key of RFC 7638 §3.1.
fn rsa_jwk(members: &str) -> String {
    format!(r#"{{"kty":"RSA","n":"{RSA_MODULUS}","e":"AQAB"{members}}}"#)
}

const RSA_MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

fn set(keys: &[&str]) -> KeySet {
    let keys = keys.join(",");
    KeySet::parse(format!(r#"{{"keys":[{keys}]}}"#).as_bytes()).expect("a usable set")
}

const LOADED: UnixTime = UnixTime::from_secs(1000);
const STALE: UnixTime = UnixTime::from_secs(2000);

#[test]
fn epoch_changes_only_with_the_keys() {
    let (keys, mut publisher, _) = refreshed();
    assert_eq!(
        (keys.snapshot().epoch, keys.snapshot().keys().is_some()),
        (0, false)
    );
    let b = Ed25519KeyPair::generate().expect("an Ed25519 key");
    let (named_a, named_b) = (rsa_jwk(r#","kid":"a""#), jwk_of(&b, r#","kid":"b""#));
    let other_b = jwk(r#","kid":"b""#);
    let renamed_b = jwk_of(&b, r#","kid":"c""#);
    let narrowed_a = rsa_jwk(r#","kid":"a","alg":"RS256""#);
    for (what, published, moves) in [
        ("the first", vec![&named_a, &named_b], true),
        ("again", vec![&named_a, &named_b], false),
        ("in another order", vec![&named_b, &named_a], false),
        ("one withdrawn", vec![&named_b], true),
        ("one added", vec![&named_b, &named_a], true),
        (
            "new material under an old name",
            vec![&other_b, &named_a],
            true,
        ),
        ("the old material", vec![&named_b, &named_a], true),
        ("a new name", vec![&renamed_b, &named_a], true),
        ("fewer algorithms", vec![&renamed_b, &narrowed_a], true),
    ] {
        let before = keys.snapshot().epoch;
        let published: Vec<&str> = published.into_iter().map(String::as_str).collect();
        assert_eq!(
            publisher.publish(set(&published), LOADED, STALE),
            moves,
            "{what}"
        );
        assert_eq!(keys.snapshot().epoch, before + u64::from(moves), "{what}");
    }
    let before = keys.snapshot().epoch;
    publisher.confirm(LOADED, STALE);
    publisher.record_failure();
    publisher.set_times(LOADED, STALE, false);
    publisher.set_times(LOADED, STALE, true);
    assert_eq!(keys.snapshot().epoch, before);
}

#[test]
fn failed_fetch_is_recorded_and_keeps_the_keys() {
    let (keys, mut publisher, _) = refreshed();
    publisher.record_failure();
    assert!(keys.snapshot().last_fetch_failed && keys.snapshot().keys().is_none());
    let key = jwk("");
    publisher.publish(set(&[&key]), LOADED, STALE);
    assert!(!keys.snapshot().last_fetch_failed);
    publisher.record_failure();
    let later = UnixTime::from_secs(3000);
    publisher.set_times(LOADED, later, false);
    let snapshot = keys.snapshot();
    assert!(snapshot.last_fetch_failed && snapshot.keys().is_some());
    assert_eq!(
        (snapshot.loaded_at, snapshot.stale_at),
        (Some(LOADED), Some(later))
    );
    publisher.confirm(STALE, later);
    assert!(!keys.snapshot().last_fetch_failed);
}

#[test]
fn keys_are_stale_from_their_limit_on() {
    let (keys, mut publisher, _) = refreshed();
    assert!(!keys.snapshot().is_stale(STALE), "no keys are not stale");
    publisher.publish(set(&[&jwk("")]), LOADED, STALE);
    assert!(!keys.snapshot().is_stale(UnixTime::from_secs(1999)));
    assert!(keys.snapshot().is_stale(STALE));
    publisher.set_times(LOADED, STALE, true);
    publisher.record_failure();
    assert!(keys.snapshot().is_stale(LOADED), "by any clock");
    publisher.set_times(LOADED, STALE, false);
    assert!(!keys.snapshot().is_stale(LOADED));
    let fixed = IssuerKeys::fixed("a", set(&[&jwk("")])).expect("an issuer");
    assert!(!fixed.snapshot().is_stale(UnixTime::from_secs(u64::MAX)));
    assert!(fixed.is_fixed());
}

#[test]
fn publisher_does_not_keep_the_refresher_alive() {
    let (keys, publisher, alive) = refreshed();
    let clone = keys.clone();
    drop(keys);
    assert_eq!(alive.load(Ordering::Relaxed), 1);
    drop(clone);
    assert_eq!(
        alive.load(Ordering::Relaxed),
        0,
        "the publisher does not keep it alive"
    );
    drop(publisher);
}

#[test]
fn empty_issuer_is_a_config_error() {
    let keys = set(&[&jwk("")]);
    assert_eq!(
        IssuerKeys::fixed("", keys).expect_err("no name").setting(),
        "issuer"
    );
}

#[test]
fn issuer_that_holds_a_secret_is_a_config_error() {
    for issuer in [
        "https://u:s3cr3t@issuer.example/",
        "https://issuer.example/?code=s3cr3t",
        "https://issuer.example/#s3cr3t",
    ] {
        let error = IssuerKeys::fixed(issuer, set(&[&jwk("")])).expect_err(issuer);
        assert_eq!(error.setting(), "issuer");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}
