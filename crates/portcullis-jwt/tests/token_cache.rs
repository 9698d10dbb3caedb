//! The cache of verified tokens: what is taken from it, and above all what is not.

mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use http::Request;
use portcullis_core::{Facts, FailureKind, Head, Outcome, Principal, Scheme, UnixTime};
use portcullis_jwt::{
    Algorithm, Bearer, BearerBuilder, CacheLimits, IssuerKeys, JwtVerifier, KeyMaterial,
    KeyPublisher, KeyRejected, KeySet, Refresh, RefreshAnswer, TrustedIssuers,
    backend::{AwsLc, InvalidSignature, PreparedKey, SignatureBackend},
};
use serde_json::json;
use support::{AUDIENCE, ISSUER, ManualClock, NOW, Signer, claims, claims_with, issuer, signer};

/// More than it takes until a token is in every level.
const TIMES: usize = 8;

/// Counts the signatures that are checked, and may do something while it checks one.
#[derive(Clone, Default)]
struct Counting {
    checked: Arc<AtomicUsize>,
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

type Meanwhile = Box<dyn FnMut() + Send>;

impl std::fmt::Debug for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counting")
    }
}

impl Counting {
    fn checked(&self) -> usize {
        self.checked.load(Ordering::Relaxed)
    }

    fn key_set(&self, signers: &[&Signer]) -> KeySet {
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
        let json = json!({ "keys": keys }).to_string();
        KeySet::parse_with(json.as_bytes(), self).expect("a key set")
    }

    fn fixed(&self) -> IssuerKeys {
        IssuerKeys::fixed(ISSUER, self.key_set(&[&signer()])).expect("an issuer")
    }
}

impl SignatureBackend for Counting {
    fn prepare(
        &self,
        key: &KeyMaterial,
        algorithm: Algorithm,
    ) -> Result<Box<dyn PreparedKey>, KeyRejected> {
        let key = AwsLc.prepare(key, algorithm)?;
        Ok(Box::new(Counted(key, self.clone())))
    }
}

struct Counted(Box<dyn PreparedKey>, Counting);

impl PreparedKey for Counted {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.1.checked.fetch_add(1, Ordering::Relaxed);
        if let Some(meanwhile) = &mut *self.1.meanwhile.lock().expect("no panic") {
            meanwhile();
        }
        self.0.verify(message, signature)
    }
}

/// Keeps keys fresh by doing nothing; tells when it is dropped.
struct Owner(Arc<AtomicUsize>);

impl Refresh for Owner {
    fn unknown_key(&self) -> RefreshAnswer {
        RefreshAnswer::Exhausted
    }

    fn bad_signature(&self) {}
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

const FRESH: UnixTime = UnixTime::from_secs(NOW - 60);
const STALE: UnixTime = UnixTime::from_secs(NOW + 200);

fn refreshed(keys: KeySet) -> (IssuerKeys, KeyPublisher, Arc<AtomicUsize>) {
    let dropped = Arc::default();
    let (issuer, mut publisher) =
        IssuerKeys::refreshed(ISSUER, Box::new(Owner(Arc::clone(&dropped)))).expect("an issuer");
    publisher.publish(keys, FRESH, STALE);
    (issuer, publisher, dropped)
}

fn builder(keys: &IssuerKeys, clock: &ManualClock) -> BearerBuilder {
    Bearer::jwt(keys)
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .clock(clock.shared())
}

fn bearer(keys: &IssuerKeys, clock: &ManualClock) -> Bearer {
    builder(keys, clock).build().expect("a scheme")
}

fn ask(bearer: &Bearer, token: &str) -> Result<Principal, FailureKind> {
    let request = Request::new(());
    match bearer.authenticate(&Head::new(&request, &Facts::new()), token.as_bytes()) {
        Outcome::Done(result) => result.map_err(|failure| failure.kind()),
        Outcome::Pending(_) => panic!("waits"),
    }
}

/// Asks until the token is in every level.
fn warm(bearer: &Bearer, token: &str) {
    for _ in 0..TIMES {
        ask(bearer, token).expect("a good token");
    }
}

fn refused(bearer: &Bearer, token: &str) {
    assert_eq!(
        ask(bearer, token).expect_err("refused"),
        FailureKind::Invalid
    );
}

#[test]
fn a_token_is_verified_once() {
    let (counting, clock) = (Counting::default(), ManualClock::new());
    let token = signer().access_token(&claims());
    let cached = bearer(&counting.fixed(), &clock);
    warm(&cached, &token);
    assert_eq!(counting.checked(), 1);
    assert_eq!(cached.cache_status().expect("a cache").entries, 1);

    let uncached = builder(&counting.fixed(), &clock).without_token_cache();
    let uncached = uncached.build().expect("a scheme");
    warm(&uncached, &token);
    assert_eq!(counting.checked(), 1 + TIMES);
    assert_eq!(uncached.cache_status(), None);
}

#[test]
fn a_withdrawn_key_takes_its_tokens_along() {
    let counting = Counting::default();
    let (old, new) = (signer(), Signer::new(2, "key-2"));
    let (keys, mut publisher, _) = refreshed(counting.key_set(&[&old]));
    let bearer = bearer(&keys, &ManualClock::new());
    let (by_old, by_new) = (old.access_token(&claims()), new.access_token(&claims()));
    warm(&bearer, &by_old);

    publisher.publish(counting.key_set(&[&old, &new]), FRESH, STALE);
    warm(&bearer, &by_old);
    warm(&bearer, &by_new);

    publisher.publish(counting.key_set(&[&new]), FRESH, STALE);
    refused(&bearer, &by_old);
    warm(&bearer, &by_new);
    refused(&bearer, &by_old);

    publisher.publish(counting.key_set(&[&old]), FRESH, STALE);
    warm(&bearer, &by_old);
    refused(&bearer, &by_new);
}

#[test]
fn new_material_under_an_old_name_takes_its_tokens_along() {
    let counting = Counting::default();
    let (keys, mut publisher, _) = refreshed(counting.key_set(&[&signer()]));
    let bearer = bearer(&keys, &ManualClock::new());
    let token = signer().access_token(&claims());
    warm(&bearer, &token);
    let other = Signer::new(2, "key-1");
    publisher.publish(counting.key_set(&[&other]), FRESH, STALE);
    refused(&bearer, &token);
    warm(&bearer, &other.access_token(&claims()));
}

#[test]
fn a_set_that_has_not_changed_costs_no_second_look() {
    let counting = Counting::default();
    let (keys, mut publisher, _) = refreshed(counting.key_set(&[&signer()]));
    let bearer = bearer(&keys, &ManualClock::new());
    let token = signer().access_token(&claims());
    warm(&bearer, &token);
    publisher.publish(counting.key_set(&[&signer()]), FRESH, STALE);
    publisher.confirm(FRESH, STALE);
    publisher.record_failure();
    warm(&bearer, &token);
    assert_eq!(counting.checked(), 1);
}

#[test]
fn times_are_held_to_the_clock_on_every_request() {
    let (counting, clock) = (Counting::default(), ManualClock::new());
    let bearer = bearer(&counting.fixed(), &clock);
    let token = signer().access_token(&claims_with(json!({"nbf": NOW - 5})));
    warm(&bearer, &token);
    let leeway = 60;
    for (at, is_good) in [
        (NOW + 290 + leeway - 1, true),
        (NOW + 290 + leeway, false),
        (NOW, true),
        (NOW - 5 - leeway, true),
        (NOW - 6 - leeway, false),
        (NOW + 10, true),
    ] {
        clock.set(UnixTime::from_secs(at));
        for _ in 0..TIMES {
            assert_eq!(ask(&bearer, &token).is_ok(), is_good, "{at}");
        }
    }
}

#[test]
fn keys_past_their_limit_accept_nothing_and_younger_ones_the_same_again() {
    let (counting, clock) = (Counting::default(), ManualClock::new());
    let (keys, mut publisher, _) = refreshed(counting.key_set(&[&signer()]));
    let bearer = bearer(&keys, &clock);
    let token = signer().access_token(&claims());
    warm(&bearer, &token);
    clock.set(STALE);
    assert_eq!(
        ask(&bearer, &token).expect_err("stale"),
        FailureKind::Unavailable
    );
    publisher.rebase(FRESH, STALE.saturating_add(Duration::from_secs(1)));
    warm(&bearer, &token);
    publisher.rebase(FRESH, STALE);
    assert_eq!(
        ask(&bearer, &token).expect_err("stale"),
        FailureKind::Unavailable
    );
    publisher.confirm(FRESH, STALE.saturating_add(Duration::from_secs(9)));
    warm(&bearer, &token);
    assert_eq!(counting.checked(), 1);
}

#[test]
fn a_key_that_goes_while_its_token_is_verified_is_not_remembered() {
    let counting = Counting::default();
    let (keys, publisher, _) = refreshed(counting.key_set(&[&signer()]));
    let bearer = bearer(&keys, &ManualClock::new());
    let token = signer().access_token(&claims());
    let next = Counting::default().key_set(&[&Signer::new(2, "key-2")]);
    let (mut publisher, mut next) = (publisher, Some(next));
    *counting.meanwhile.lock().expect("no panic") = Some(Box::new(move || {
        if let Some(keys) = next.take() {
            publisher.publish(keys, FRESH, STALE);
        }
    }));
    ask(&bearer, &token).expect("by the keys that were there as it came in");
    for _ in 0..TIMES {
        refused(&bearer, &token);
    }
}

#[test]
fn two_schemes_on_one_thread_keep_their_tokens_apart() {
    #[derive(serde::Deserialize)]
    struct Sub {
        sub: String,
    }
    let (counting, clock) = (Counting::default(), ManualClock::new());
    let keys = counting.fixed();
    let ours = builder(&keys, &clock)
        .claims::<Sub>()
        .build()
        .expect("a scheme");
    let same = bearer(&keys, &clock);
    let theirs = Bearer::jwt(&keys)
        .audience("https://other.example.com")
        .algorithms([Algorithm::EdDSA])
        .clock(clock.shared())
        .build()
        .expect("a scheme");
    let token = signer().access_token(&claims());
    for _ in 0..TIMES {
        let principal = ask(&ours, &token).expect("for us");
        assert_eq!(
            principal.claims::<Sub>().map(|claims| &*claims.sub),
            Some("billing")
        );
        refused(&theirs, &token);
        assert!(
            ask(&same, &token)
                .expect("for us")
                .claims::<Sub>()
                .is_none()
        );
    }
}

#[test]
fn an_idle_thread_wakes_to_what_has_changed() {
    let counting = Counting::default();
    let (keys, mut publisher, _) = refreshed(counting.key_set(&[&signer()]));
    let bearer = bearer(&keys, &ManualClock::new());
    let token = signer().access_token(&claims());
    thread::scope(|scope| {
        let (wake, woken) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let (bearer, token) = (&bearer, &token);
        scope.spawn(move || {
            warm(bearer, token);
            tell.send(()).expect("someone listens");
            woken.recv().expect("woken");
            refused(bearer, token);
        });
        told.recv().expect("it is warm");
        let other = Signer::new(2, "key-2");
        publisher.publish(counting.key_set(&[&other]), FRESH, STALE);
        wake.send(()).expect("it sleeps");
    });
}

#[test]
fn a_spray_of_good_tokens_keeps_to_the_limits_and_leaves_the_hot_one() {
    let (counting, clock) = (Counting::default(), ManualClock::new());
    for (limits, padding) in [
        (CacheLimits::new(64, 1 << 20), 0),
        (CacheLimits::new(1 << 10, 500_000), 5_000),
    ] {
        let bearer = builder(&counting.fixed(), &clock).token_cache(limits);
        let bearer = bearer.build().expect("a scheme");
        let hot = signer().access_token(&claims());
        warm(&bearer, &hot);
        let before = counting.checked();
        for number in 0..1_000 {
            let changes = json!({"jti": number.to_string(), "x": "x".repeat(padding)});
            let cold = signer().access_token(&claims_with(changes));
            ask(&bearer, &cold).expect("a good token");
            ask(&bearer, &hot).expect("a good token");
            let status = bearer.cache_status().expect("a cache");
            assert!(status.entries <= limits.max_entries, "{status:?}");
            assert!(status.bytes <= limits.max_bytes, "{status:?}");
        }
        assert_eq!(
            counting.checked() - before,
            1_000,
            "the hot one not once more"
        );
        assert!(bearer.cache_status().expect("a cache").entries > 8);
    }
}

#[test]
fn nothing_but_verified_tokens_enters() {
    let (counting, clock) = (Counting::default(), ManualClock::new());
    let bearer = bearer(&counting.fixed(), &clock);
    let good = signer().access_token(&claims());
    warm(&bearer, &good);
    let before = bearer.cache_status();
    for number in 0..500 {
        let changes = json!({"jti": number.to_string()});
        for forger in [Signer::new(9, "key-1"), Signer::new(9, "key-9")] {
            refused(&bearer, &forger.access_token(&claims_with(changes.clone())));
        }
        let for_others = claims_with(json!({"aud": "other", "jti": number.to_string()}));
        refused(&bearer, &signer().access_token(&for_others));
    }
    assert_eq!(bearer.cache_status(), before);
    let checked = counting.checked();
    warm(&bearer, &good);
    assert_eq!(counting.checked(), checked);
}

#[test]
fn what_is_nearly_a_token_that_is_known_is_refused() {
    let (counting, clock) = (Counting::default(), ManualClock::new());
    let bearer = bearer(&counting.fixed(), &clock);
    let good = signer().access_token(&claims());
    warm(&bearer, &good);
    let parts: Vec<&str> = good.split('.').collect();
    let richer = claims_with(json!({"scope": "orders:admin"}));
    let richer = Signer::new(9, "key-1").access_token(&richer);
    let payload = richer.split('.').nth(1).expect("three parts");
    let mut alike = vec![
        format!("{}.{payload}.{}", parts[0], parts[2]),
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        format!("{good}="),
    ];
    for position in 0..good.len() {
        let mut other = good.clone().into_bytes();
        other[position] = if other[position] == b'A' { b'B' } else { b'A' };
        alike.push(String::from_utf8(other).expect("ASCII"));
    }
    for other in &alike {
        assert!(ask(&bearer, other).is_err(), "{other}");
        ask(&bearer, &good).expect("still good");
    }
}

#[test]
fn an_issuer_that_is_no_longer_trusted_takes_its_tokens_along() {
    let (counting, clock) = (Counting::default(), ManualClock::new());
    let verifier = |audience: &str| {
        JwtVerifier::of(&counting.fixed())
            .audience(audience)
            .algorithms([Algorithm::EdDSA])
            .build()
            .expect("a verifier")
    };
    let another = || {
        let keys = IssuerKeys::fixed("https://partner.example", signer().key_set());
        JwtVerifier::of(&keys.expect("an issuer"))
            .audience(AUDIENCE)
            .algorithms([Algorithm::EdDSA])
            .build()
            .expect("a verifier")
    };
    let trusted = TrustedIssuers::new([verifier(AUDIENCE)]).expect("one issuer");
    let bearer = Bearer::trusting(&trusted)
        .clock(clock.shared())
        .build()
        .expect("a scheme");
    let token = signer().access_token(&claims());
    warm(&bearer, &token);
    trusted.add(another()).expect("another issuer");
    warm(&bearer, &token);
    assert_eq!(
        counting.checked(),
        1,
        "one more issuer changes nothing for it"
    );

    trusted.replace(verifier("https://other.example.com"));
    refused(&bearer, &token);
    trusted.replace(verifier(AUDIENCE));
    warm(&bearer, &token);
    assert!(trusted.remove(ISSUER));
    refused(&bearer, &token);
    trusted.add(verifier(AUDIENCE)).expect("trusted again");
    warm(&bearer, &token);
}

#[test]
fn binding_is_asked_on_every_request() {
    let (counting, clock) = (Counting::default(), ManualClock::new());
    let bearer = bearer(&counting.fixed(), &clock);
    let bound = claims_with(json!({"cnf": {"jkt": "x"}}));
    let token = signer().access_token(&bound);
    for _ in 0..TIMES {
        refused(&bearer, &token);
    }
    assert_eq!(counting.checked(), 1);
}

#[test]
fn a_token_that_is_kept_keeps_nobody_fetching_keys() {
    let counting = Counting::default();
    let (keys, _publisher, dropped) = refreshed(counting.key_set(&[&signer()]));
    let bearer = bearer(&keys, &ManualClock::new());
    warm(&bearer, &signer().access_token(&claims()));
    drop((keys, bearer));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn a_cache_that_holds_nothing_is_a_mistake() {
    let clock = ManualClock::new();
    for limits in [
        CacheLimits::new(0, 1 << 20),
        CacheLimits::new(64, 0),
        CacheLimits::new(usize::MAX, usize::MAX),
    ] {
        let error = builder(&issuer(), &clock).token_cache(limits).build();
        assert_eq!(error.expect_err("no cache").setting(), "token_cache");
    }
}

/// Readers and a writer that withdraws a key and brings it back: whoever asks while it is surely gone is refused, and
/// while it is surely there accepted.
#[test]
fn fills_and_flushes_on_many_threads_agree() {
    const ROUNDS: usize = 300;
    let counting = Counting::default();
    let (keys, mut publisher, _) = refreshed(counting.key_set(&[&signer()]));
    let bearer = bearer(&keys, &ManualClock::new());
    let token = signer().access_token(&claims());
    // Odd while the set is being replaced; then 0 modulo 4 where the key is there, 2 where it is not.
    let phase = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let before = phase.load(Ordering::SeqCst);
                    let accepted = ask(&bearer, &token).is_ok();
                    if before >= 4 * ROUNDS {
                        break;
                    }
                    if before.is_multiple_of(2) && phase.load(Ordering::SeqCst) == before {
                        assert_eq!(accepted, before.is_multiple_of(4), "in phase {before}");
                    }
                }
            });
        }
        let other = Signer::new(2, "key-2");
        for round in 0..2 * ROUNDS {
            thread::yield_now();
            phase.fetch_add(1, Ordering::SeqCst);
            let next = if round.is_multiple_of(2) {
                &other
            } else {
                &signer()
            };
            publisher.publish(counting.key_set(&[next]), FRESH, STALE);
            phase.fetch_add(1, Ordering::SeqCst);
        }
    });
}
