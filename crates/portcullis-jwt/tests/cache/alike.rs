//! Similar inputs that must not share an entry: one token at two schemes, and tokens that differ slightly.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use http::{Extensions, HeaderMap, Method, Uri, header::WWW_AUTHENTICATE};
use portcullis_core::{Principal, Scope, ScopePolicy};
use portcullis_jose::{
    KeyMaterial, KeyRejected, KeySet,
    backend::{InvalidSignature, PreparedKey, SignatureBackend},
};
use portcullis_jwt::{Algorithm, Bearer, CacheLimits, IssuerKeys};
use serde::Deserialize;
use serde_json::json;

use crate::{
    scene::{Scene, WARM, WARMTHS, accepted, judge, numbered, refused},
    support::{AUDIENCE, ISSUER, ManualClock, Signer, claims, claims_with, signer},
};

#[test]
fn schemes_do_not_share_cached_tokens() {
    let scene = Scene::usual();
    let ours = scene.bearer();
    let theirs = Bearer::jwt(&scene.keys)
        .audience("https://other.example.com")
        .algorithms([Algorithm::EdDSA])
        .clock(ManualClock::new().shared())
        .build()
        .expect("a scheme");
    let token = signer().access_token(&claims());
    for _ in 0..50 {
        accepted(&ours, &token, 3);
        refused(&theirs, &token);
    }
    let of_others = claims_with(json!({"aud": "https://other.example.com"}));
    let token = signer().access_token(&of_others);
    for _ in 0..50 {
        refused(&ours, &token);
        accepted(&theirs, &token, 3);
    }
}

#[derive(Deserialize)]
struct Jti {
    jti: String,
}

#[derive(Deserialize)]
struct Client {
    client_id: String,
}

#[test]
fn schemes_do_not_share_principals() {
    let scene = Scene::usual();
    let plain = scene.bearer();
    let one = scene.builder().realm("one").claims::<Jti>().build();
    let two = scene.builder().realm("two").claims::<Client>().build();
    let (one, two) = (one.expect("a scheme"), two.expect("a scheme"));
    let token = signer().access_token(&claims());
    let of = |bearer: &Bearer| judge(bearer, &token).expect("a good token");
    for _ in 0..50 {
        let principal = of(&one);
        assert_eq!(realm(&principal), r#"Bearer realm="one""#);
        assert_eq!(
            principal.claims::<Jti>().map(|it| &*it.jti),
            Some("token-1")
        );
        assert!(principal.claims::<Client>().is_none());

        let principal = of(&two);
        assert_eq!(realm(&principal), r#"Bearer realm="two""#);
        let client = principal.claims::<Client>();
        assert_eq!(client.map(|it| &*it.client_id), Some("billing"));
        assert!(principal.claims::<Jti>().is_none());

        let principal = of(&plain);
        assert!(principal.claims::<Jti>().is_none() && principal.claims::<Client>().is_none());
    }
    assert_eq!(scene.checked(), 3, "one verification for each scheme");
}

/// The realm of the challenge for a caller without the scope.
fn realm(principal: &Principal) -> String {
    let policy = ScopePolicy::from(Scope::from_static("orders:admin"));
    let refusal = principal
        .require_scopes(&policy)
        .expect_err("the scope is not granted");
    let response = refusal.into_response(
        &Method::GET,
        &Uri::from_static("/"),
        &HeaderMap::new(),
        &Extensions::new(),
    );
    let challenge = response.headers()[WWW_AUTHENTICATE].to_str();
    let challenge = challenge.expect("ASCII");
    challenge
        .split(',')
        .next()
        .expect("the realm comes first")
        .to_owned()
}

#[test]
fn tokens_similar_to_a_cached_one_are_rejected() {
    for warmth in WARMTHS {
        let scene = Scene::usual();
        let bearer = scene.bearer();
        let token = signer().access_token(&claims());
        accepted(&bearer, &token, warmth);
        for other in variants(&token) {
            assert!(judge(&bearer, &other).is_err(), "{other}");
        }
        accepted(&bearer, &token, 1);
        assert_eq!(bearer.cache_status().expect("a cache").entries, 1);
    }
}

/// Variants of `token`. A lenient decoder would not notice some of the differences.
fn variants(token: &str) -> Vec<String> {
    const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let richer = claims_with(json!({"scope": "orders:admin"}));
    let richer = Signer::new(9, "key-1").access_token(&richer);
    let richer = richer.split('.').nth(1).expect("three parts");
    let mut all = vec![
        format!("{header}.{richer}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{payload}.{signature}"),
        format!("{token}="),
        format!("{token} "),
        format!("{token}\0"),
        format!("{token}{token}"),
        format!("A{token}"),
        token.to_ascii_lowercase(),
        token.to_ascii_uppercase(),
        token.replace('.', ","),
    ];
    for length in 0..token.len() {
        all.push(token[..length].to_owned());
        all.push(token[token.len() - length..].to_owned());
    }
    for position in 0..token.len() {
        let (before, rest) = token.split_at(position);
        let (here, after) = rest.split_at(1);
        let letter = here.chars().next().expect("a character");
        let swapped = if letter.is_ascii_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        };
        let flipped = char::from(here.as_bytes()[0] ^ 1);
        all.extend([swapped, flipped].map(|other| format!("{before}{other}{after}")));
        all.push(format!("{before}{after}"));
        all.push(format!("{before}{here}{here}{after}"));
    }
    let last = token.len() - 1;
    all.extend(
        BASE64URL
            .chars()
            .map(|other| format!("{}{other}", &token[..last])),
    );
    all.retain(|other| other != token);
    all
}

/// A backend that accepts every signature.
#[derive(Debug)]
struct AcceptAll;

impl SignatureBackend for AcceptAll {
    fn prepare(&self, _: &KeyMaterial, _: Algorithm) -> Result<Box<dyn PreparedKey>, KeyRejected> {
        Ok(Box::new(Self))
    }
}

impl PreparedKey for AcceptAll {
    fn verify(&self, _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }
}

/// The slot of a token depends on its last characters.
#[test]
fn tokens_with_the_same_end_are_not_confused() {
    let keys = json!({"keys": [signer().jwk()]}).to_string();
    let keys = KeySet::parse_with(keys.as_bytes(), &AcceptAll).expect("a key set");
    let bearer = Bearer::jwt(&IssuerKeys::fixed(ISSUER, keys).expect("an issuer"))
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .clock(ManualClock::new().shared())
        .build()
        .expect("a scheme");
    let tokens = ["one", "two", "a longer name"].map(|name| {
        let token = signer().access_token(&claims_with(json!({"jti": name})));
        let (rest, _) = token.rsplit_once('.').expect("three parts");
        (name, format!("{rest}.{}", "A".repeat(86)))
    });
    for times in WARMTHS.into_iter().rev().chain([1; 10]) {
        for (name, token) in &tokens {
            for _ in 0..times {
                let principal = judge(&bearer, token).expect("an accepted token");
                assert_eq!(principal.credential_id(), Some(*name));
            }
        }
    }
}

#[test]
fn bound_token_is_cached_and_rejected_each_time() {
    for confirmation in [json!({"jkt": "x"}), json!({}), json!(1), json!("x")] {
        let scene = Scene::usual();
        let bearer = scene.bearer();
        let bound = claims_with(json!({"cnf": confirmation}));
        let token = signer().access_token(&bound);
        for _ in 0..3 {
            refused(&bearer, &token);
            accepted(&bearer, &signer().access_token(&claims()), WARM);
        }
        assert_eq!(scene.checked(), 2);
    }
}

static VERIFIED_AGAIN: OnceLock<(Bearer, String)> = OnceLock::new();
static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Claims whose destructor verifies a token with the same scheme.
#[derive(Deserialize)]
struct Reentrant {}

impl Drop for Reentrant {
    fn drop(&mut self) {
        thread_local!(static IS_ASKING: Cell<bool> = const { Cell::new(false) });
        let Some((bearer, token)) = VERIFIED_AGAIN.get() else {
            return;
        };
        if !IS_ASKING.replace(true) {
            accepted(bearer, token, 3);
            IS_ASKING.set(false);
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn destructor_of_claims_may_use_the_cache() {
    let scene = Scene::usual();
    let bearer = scene.builder().claims::<Reentrant>();
    let bearer = bearer.token_cache(CacheLimits::new(8, 1 << 20));
    let bearer = bearer.build().expect("a scheme");
    let hot = signer().access_token(&claims());
    accepted(&bearer, &hot, WARM);
    assert!(VERIFIED_AGAIN.set((bearer.clone(), hot)).is_ok());
    let verify = {
        let bearer = bearer.clone();
        move || (0..200).for_each(|number| accepted(&bearer, &numbered(number, 0), 4))
    };
    verify();
    let meanwhile = DROPPED.load(Ordering::SeqCst);
    assert!(meanwhile > 100, "{meanwhile}");
    // The thread ends with entries in its own level.
    thread::spawn(verify).join().expect("no panic");
    assert!(DROPPED.load(Ordering::SeqCst) > meanwhile + 160);
}
