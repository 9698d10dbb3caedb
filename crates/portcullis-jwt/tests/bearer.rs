//! The scheme: what it reads of a request, how it answers, and when it waits for newer keys.

mod support;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{HeaderValue, Request, StatusCode, header::AUTHORIZATION};
use portcullis_core::{Facts, Failure, Head, Outcome, Presence, Principal, Scheme, UnixTime};
use portcullis_jose::KeySet;
use portcullis_jwt::{
    Algorithm, Bearer, IssuerKeys, KeyPublisher, Refresh, RefreshAnswer, RefreshOutcome,
};
use serde_json::json;
use support::{
    AUDIENCE, ISSUER, ManualClock, NOW, Signer, as_this_run_has_it, claims, claims_with, issuer,
    key_set, signer,
};

fn bearer(issuer: &IssuerKeys, clock: &ManualClock) -> Bearer {
    let bearer = Bearer::jwt(issuer)
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .clock(clock.shared());
    as_this_run_has_it(bearer).build().expect("a scheme")
}

fn send(bearer: &Bearer, token: &str) -> Outcome {
    let request = Request::builder()
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(())
        .expect("a request");
    let facts = Facts::new();
    let head = Head::new(&request, &facts);
    match bearer.detect(&head) {
        Presence::Present(credential) => bearer.authenticate(&head, credential),
        other => panic!("{other:?}"),
    }
}

/// The verdict, which must be there without waiting.
fn at_once(outcome: Outcome) -> Result<Principal, Failure> {
    match outcome {
        Outcome::Done(result) => result,
        Outcome::Pending(_) => panic!("waits"),
    }
}

fn status(result: &Result<Principal, Failure>) -> StatusCode {
    result
        .as_ref()
        .map_or_else(|failure| failure.kind().status(), |_| StatusCode::OK)
}

/// Polls once.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_good_token_is_done_at_once_and_expires_by_the_clock() {
    let clock = ManualClock::new();
    let bearer = bearer(&issuer(), &clock);
    let token = signer().access_token(&claims());
    assert_eq!(
        at_once(send(&bearer, &token)).expect("accepted").subject(),
        Some("billing")
    );
    clock.advance(Duration::from_secs(290 + 60));
    let failure = at_once(send(&bearer, &token)).expect_err("expired");
    assert_eq!(
        (failure.kind().status(), failure.external()),
        (StatusCode::UNAUTHORIZED, "the token has expired")
    );
}

#[test]
fn b2_b5_h1_the_header_is_read_as_rfc_6750_has_it() {
    let bearer = bearer(&issuer(), &ManualClock::new());
    let facts = Facts::new();
    let request = |values: &[&str]| {
        let mut request = Request::new(());
        for value in values {
            request.headers_mut().append(
                AUTHORIZATION,
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        request
    };
    let detected = |values: &[&str]| match bearer.detect(&Head::new(&request(values), &facts)) {
        Presence::Present(credential) => Some(credential.to_vec()),
        Presence::Absent => None,
        Presence::Malformed(failure) => panic!("{values:?}: {failure:?}"),
    };
    // By whichever step.
    let refused = |values: &[&str]| {
        let request = request(values);
        let head = Head::new(&request, &facts);
        let failure = match bearer.detect(&head) {
            Presence::Malformed(failure) => failure,
            Presence::Present(credential) => {
                at_once(bearer.authenticate(&head, credential)).expect_err("no token")
            }
            Presence::Absent => panic!("{values:?} is for another scheme"),
        };
        failure.kind().status()
    };
    assert_eq!(detected(&[]), None);
    assert_eq!(detected(&["Basic abc"]), None);
    assert_eq!(detected(&["bEaReR abc"]).as_deref(), Some(&b"abc"[..]));
    assert_eq!(detected(&["Bearer   abc"]).as_deref(), Some(&b"abc"[..]));
    for bad in [
        &["Bearer"][..],
        &["Bearer\tabc"],
        &["Bearer a b"],
        &["Bearer a", "Bearer b"],
        &["Bearer a,b"],
    ] {
        assert_eq!(refused(bad), StatusCode::BAD_REQUEST, "{bad:?}");
    }
}

#[test]
fn b3_what_is_no_good_token_is_401() {
    let bearer = bearer(&issuer(), &ManualClock::new());
    let tokens = [
        "a.~.b".to_owned(),
        "abc".into(),
        "..".into(),
        "a.b.c.d.e".into(),
        "x".repeat(9_000),
        signer().token(Some("JWT"), &claims()),
        signer().access_token(&claims_with(json!({"aud": "other"}))),
        signer().access_token(&claims_with(json!({"cnf": {"jkt": "x"}}))),
        Signer::new(9, "key-1").access_token(&claims()),
        Signer::new(9, "key-9").access_token(&claims()),
    ];
    for token in tokens {
        assert_eq!(
            status(&at_once(send(&bearer, &token))),
            StatusCode::UNAUTHORIZED,
            "{token:.80}"
        );
    }
}

/// Keys whose owner does as it is told, and counts.
#[derive(Clone, Default)]
struct Owner(Arc<OwnerState>);

#[derive(Default)]
struct OwnerState {
    answer: Mutex<Answer>,
    unknown_keys: AtomicUsize,
    bad_signatures: AtomicUsize,
    no_keys: AtomicUsize,
    /// What happens just before an unknown key is answered.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[derive(Clone, Copy, Default)]
enum Answer {
    /// Waits until [`OwnerState::answer`] is another.
    #[default]
    Wait,
    Done,
    Failed,
    Exhausted,
    Saturated,
}

impl Owner {
    fn answer(&self, answer: Answer) {
        *self.0.answer.lock().expect("no panic") = answer;
    }

    fn signals(&self) -> (usize, usize) {
        (
            self.0.unknown_keys.load(Ordering::SeqCst),
            self.0.bad_signatures.load(Ordering::SeqCst),
        )
    }
}

impl Refresh for Owner {
    fn unknown_key(&self) -> RefreshAnswer {
        self.0.unknown_keys.fetch_add(1, Ordering::SeqCst);
        if let Some(meanwhile) = self.0.meanwhile.lock().expect("no panic").take() {
            meanwhile();
        }
        match *self.0.answer.lock().expect("no panic") {
            Answer::Exhausted => RefreshAnswer::Exhausted,
            Answer::Saturated => RefreshAnswer::Saturated,
            Answer::Wait | Answer::Done | Answer::Failed => {
                let state = self.0.clone();
                RefreshAnswer::Wait(Box::pin(poll_fn(move |_| {
                    match *state.answer.lock().expect("no panic") {
                        Answer::Done => Poll::Ready(RefreshOutcome::Succeeded),
                        Answer::Failed => Poll::Ready(RefreshOutcome::Failed),
                        _ => Poll::Pending,
                    }
                })))
            }
        }
    }

    fn bad_signature(&self) {
        self.0.bad_signatures.fetch_add(1, Ordering::SeqCst);
    }

    fn no_keys(&self) {
        self.0.no_keys.fetch_add(1, Ordering::SeqCst);
    }

    fn next_attempt(&self) -> Option<Duration> {
        Some(Duration::from_secs(20))
    }
}

struct Scene {
    owner: Owner,
    publisher: KeyPublisher,
    bearer: Bearer,
    clock: ManualClock,
}

impl Scene {
    /// An issuer without keys.
    fn empty() -> Self {
        let (owner, clock) = (Owner::default(), ManualClock::new());
        let (keys, publisher) =
            IssuerKeys::refreshed(ISSUER, Box::new(owner.clone())).expect("an issuer");
        Self {
            owner,
            publisher,
            bearer: bearer(&keys, &clock),
            clock,
        }
    }

    /// An issuer that has published [`signer`]'s key.
    fn loaded() -> Self {
        let mut scene = Self::empty();
        scene.publish(signer().key_set());
        scene
    }

    fn publish(&mut self, keys: KeySet) {
        self.publisher.publish(
            keys,
            UnixTime::from_secs(NOW),
            UnixTime::from_secs(NOW + 3_600),
        );
    }

    fn send(&self, signer: &Signer) -> Outcome {
        send(&self.bearer, &signer.access_token(&claims()))
    }

    /// Sends a token of an unknown key, which waits; lets `meanwhile` happen; and answers the verdict.
    fn wait(&mut self, meanwhile: impl FnOnce(&mut Self)) -> Result<Principal, Failure> {
        self.wait_for(Answer::Done, meanwhile)
    }

    fn wait_for(
        &mut self,
        end: Answer,
        meanwhile: impl FnOnce(&mut Self),
    ) -> Result<Principal, Failure> {
        let Outcome::Pending(future) = self.send(&next_signer()) else {
            panic!("does not wait")
        };
        let mut future = pin!(future);
        assert!(poll(future.as_mut()).is_pending());
        meanwhile(self);
        self.owner.answer(end);
        let Poll::Ready(verdict) = poll(future) else {
            panic!("still waits")
        };
        verdict
    }
}

fn next_signer() -> Signer {
    Signer::new(2, "key-2")
}

#[test]
fn an_unknown_key_waits_for_a_refresh_and_is_tried_again() {
    let mut scene = Scene::loaded();
    let verdict = scene.wait(|scene| scene.publish(key_set([&signer(), &next_signer()])));
    assert_eq!(status(&verdict), StatusCode::OK);
    assert_eq!(scene.owner.signals(), (1, 0));
    at_once(scene.send(&next_signer())).expect("known by now");
}

#[test]
fn a_key_that_is_still_unknown_is_401_after_a_good_fetch_and_503_after_a_failed_one() {
    let verdict = Scene::loaded().wait(|scene| scene.publish(signer().key_set()));
    assert_eq!(status(&verdict), StatusCode::UNAUTHORIZED);
    let confirmed = |scene: &mut Scene| {
        scene
            .publisher
            .confirm(UnixTime::from_secs(NOW), UnixTime::from_secs(NOW + 3_600));
    };
    assert_eq!(
        status(&Scene::loaded().wait(confirmed)),
        StatusCode::UNAUTHORIZED
    );
    let verdict = Scene::loaded().wait(|scene| scene.publisher.record_failure());
    assert_eq!(status(&verdict), StatusCode::SERVICE_UNAVAILABLE);
    assert!(verdict.expect_err("an outage").retry_after().is_some());
}

#[test]
fn a_refresh_that_does_not_end_in_time_is_503() {
    const MOVED: UnixTime = UnixTime::from_secs(NOW + 7_200);

    let failed = |meanwhile: fn(&mut Scene)| Scene::loaded().wait_for(Answer::Failed, meanwhile);
    assert_eq!(status(&failed(|_| ())), StatusCode::SERVICE_UNAVAILABLE);
    let verdict = failed(|scene| scene.publisher.rebase(UnixTime::from_secs(NOW), MOVED));
    assert_eq!(
        status(&verdict),
        StatusCode::SERVICE_UNAVAILABLE,
        "what moves meanwhile is no fetch"
    );
    let verdict = failed(|scene| scene.publish(signer().key_set()));
    assert_eq!(
        status(&verdict),
        StatusCode::SERVICE_UNAVAILABLE,
        "nor does an earlier fetch know what the later one brings"
    );
}

#[test]
fn without_a_refresh_to_be_had_the_last_fetch_decides() {
    let mut scene = Scene::loaded();
    scene.owner.answer(Answer::Exhausted);
    assert_eq!(
        status(&at_once(scene.send(&next_signer()))),
        StatusCode::UNAUTHORIZED
    );
    scene.publisher.record_failure();
    assert_eq!(
        status(&at_once(scene.send(&next_signer()))),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        status(&at_once(scene.send(&signer()))),
        StatusCode::OK,
        "good keys keep serving"
    );
}

#[test]
fn a_key_that_comes_while_its_token_is_refused_is_used_though_the_budget_is_spent() {
    let mut scene = Scene::loaded();
    scene.owner.answer(Answer::Exhausted);
    let token = next_signer().access_token(&claims());
    let (owner, bearer) = (scene.owner.clone(), scene.bearer.clone());
    let publish = move || scene.publish(key_set([&signer(), &next_signer()]));
    *owner.0.meanwhile.lock().expect("no panic") = Some(Box::new(publish));
    assert_eq!(status(&at_once(send(&bearer, &token))), StatusCode::OK);
    assert_eq!(owner.signals(), (1, 0));
}

#[test]
fn where_too_many_wait_already_the_answer_is_503() {
    let scene = Scene::loaded();
    scene.owner.answer(Answer::Saturated);
    assert_eq!(
        status(&at_once(scene.send(&next_signer()))),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[test]
fn a_bad_signature_under_a_known_key_signals_and_does_not_wait() {
    let scene = Scene::loaded();
    let forged = Signer::new(7, "key-1");
    assert_eq!(
        status(&at_once(scene.send(&forged))),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(scene.owner.signals(), (0, 1));
}

#[test]
fn a_token_without_kid_that_no_key_signed_waits_like_an_unknown_kid() {
    let mut scene = Scene::loaded();
    let unnamed = next_signer().sign(r#"{"alg":"EdDSA","typ":"at+jwt"}"#, &claims().to_string());
    let Outcome::Pending(future) = send(&scene.bearer, &unnamed) else {
        panic!("does not wait")
    };
    let mut future = pin!(future);
    assert!(poll(future.as_mut()).is_pending());
    scene.publish(next_signer().key_set());
    scene.owner.answer(Answer::Done);
    let Poll::Ready(verdict) = poll(future) else {
        panic!("still waits")
    };
    assert_eq!(status(&verdict), StatusCode::OK);
    assert_eq!(scene.owner.signals(), (1, 0));

    let fixed = bearer(&issuer(), &ManualClock::new());
    let refused = at_once(send(&fixed, &unnamed)).expect_err("no key of a fixed set signed it");
    assert_eq!(refused.external(), "the token's signature does not hold");
}

#[test]
fn without_keys_to_judge_by_the_owner_is_told_and_the_caller_when_to_come_back() {
    let told = |scene: &Scene, token: &str| {
        let failure = at_once(send(&scene.bearer, token)).expect_err("an outage");
        assert_eq!(failure.kind().status(), StatusCode::SERVICE_UNAVAILABLE);
        let wait = failure.retry_after().expect("a time");
        assert!((20..=25).contains(&wait.as_secs()), "{wait:?}");
        scene.owner.0.no_keys.load(Ordering::SeqCst)
    };
    let mut scene = Scene::empty();
    let good = signer().access_token(&claims());
    assert_eq!(told(&scene, &good), 1);
    let foreign = claims_with(json!({"iss": "https://other.example.com"}));
    assert_eq!(
        told(&scene, &signer().access_token(&foreign)),
        1,
        "no fetch for another issuer's token"
    );
    scene.publish(signer().key_set());
    scene.clock.advance(Duration::from_secs(3_600));
    let late = claims_with(json!({"iat": NOW + 3_600, "exp": NOW + 3_900}));
    assert_eq!(told(&scene, &signer().access_token(&late)), 2, "stale keys");
}

#[test]
fn p7_a_token_that_is_too_long_is_told_so() {
    let external = |bearer: &Bearer, token: &str| {
        at_once(send(bearer, token))
            .map_err(|failure| (failure.external().to_owned(), failure.internal().to_owned()))
    };
    let default = bearer(&issuer(), &ManualClock::new());
    let long = signer().access_token(&claims_with(json!({"x": "x".repeat(9_000)})));
    let (told, logged) = external(&default, &long).expect_err("too long");
    assert_eq!(told, "the token is longer than this service accepts");
    let expected = format!(
        "the token has {} bytes, more than the 8192 that are accepted (`max_token_bytes`)",
        long.len()
    );
    assert_eq!(logged, expected);

    let header =
        json!({"alg": "EdDSA", "kid": "key-1", "typ": "at+jwt", "x5c": ["x".repeat(3_500)]});
    let chained = signer().sign(&header.to_string(), &claims().to_string());
    let (told, logged) = external(&default, &chained).expect_err("too long");
    assert_eq!(
        told,
        "the header of the token is longer than this service accepts"
    );
    assert!(
        logged.contains("4096") && logged.contains("`max_header_bytes`"),
        "{logged}"
    );

    let patient = |keys: &IssuerKeys| {
        portcullis_jwt::JwtVerifier::of(keys)
            .audience(AUDIENCE)
            .algorithms([Algorithm::EdDSA])
            .max_token_bytes(16 * 1024)
            .max_header_bytes(8 * 1024)
    };
    let one = Bearer::jwt(&issuer())
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .clock(ManualClock::new().shared())
        .max_token_bytes(16 * 1024)
        .max_header_bytes(8 * 1024)
        .build()
        .expect("a scheme");
    let keys = IssuerKeys::fixed("https://short.example", signer().key_set()).expect("an issuer");
    let short = patient(&keys)
        .max_token_bytes(100)
        .build()
        .expect("a verifier");
    let long_one = patient(&issuer()).build().expect("a verifier");
    let trusted = portcullis_jwt::TrustedIssuers::new([short, long_one]).expect("two issuers");
    let many = Bearer::trusting(&trusted)
        .clock(ManualClock::new().shared())
        .build()
        .expect("a scheme");
    for bearer in [&one, &many] {
        for token in [&long, &chained] {
            external(bearer, token).expect("within the limits");
        }
    }
    let of_short = signer().access_token(&claims_with(json!({"iss": "https://short.example"})));
    let (_, logged) = external(&many, &of_short).expect_err("by the limit of its issuer");
    assert!(logged.contains("more than the 100"), "{logged}");

    for bytes in [0, 64 * 1024 + 1] {
        let error = patient(&issuer())
            .max_token_bytes(bytes)
            .build()
            .map(|_| ());
        assert_eq!(
            error.expect_err("out of range").setting(),
            "max_token_bytes"
        );
    }
}

#[test]
fn nothing_else_signals() {
    let scene = Scene::loaded();
    let other_type = signer().token(Some("JWT"), &claims());
    let other_audience = signer().access_token(&claims_with(json!({"aud": "x"})));
    let unlisted = signer().sign(
        r#"{"alg":"RS256","kid":"nobody","typ":"at+jwt"}"#,
        &claims().to_string(),
    );
    for token in ["a.b.c", &other_type, &other_audience, &unlisted] {
        assert_eq!(
            status(&at_once(send(&scene.bearer, token))),
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(scene.owner.signals(), (0, 0));
}

/// A service that is sent another issuer's tokens keeps its fetches for its own issuer's rotation.
#[test]
fn tokens_of_another_issuer_do_not_signal() {
    let scene = Scene::loaded();
    let foreign = claims_with(json!({"iss": "https://other.example.com"}));
    let mut nameless = claims();
    nameless.as_object_mut().expect("claims").remove("iss");
    for signer in [next_signer(), Signer::new(7, "key-1")] {
        for claims in [&foreign, &nameless] {
            let verdict = at_once(send(&scene.bearer, &signer.access_token(claims)));
            assert_eq!(status(&verdict), StatusCode::UNAUTHORIZED);
            let told = verdict.expect_err("refused");
            assert_eq!(told.external(), "the token's issuer is not accepted");
        }
    }
    assert_eq!(scene.owner.signals(), (0, 0));
}

#[test]
fn keys_that_were_never_loaded_or_are_stale_are_an_outage() {
    let mut scene = Scene::empty();
    for signer in [signer(), next_signer()] {
        let verdict = at_once(scene.send(&signer));
        assert_eq!(status(&verdict), StatusCode::SERVICE_UNAVAILABLE);
        assert!(verdict.expect_err("an outage").retry_after().is_some());
    }
    let stale_at = UnixTime::from_secs(NOW + 60);
    scene
        .publisher
        .publish(signer().key_set(), UnixTime::from_secs(NOW), stale_at);
    scene.clock.advance(Duration::from_secs(59));
    assert_eq!(status(&at_once(scene.send(&signer()))), StatusCode::OK);
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(
        status(&at_once(scene.send(&signer()))),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[test]
fn a_token_that_says_nothing_good_is_401_even_in_an_outage() {
    let scene = Scene::empty();
    let unlisted = signer().sign(
        r#"{"alg":"RS256","kid":"key-1","typ":"at+jwt"}"#,
        &claims().to_string(),
    );
    for token in ["a.b.c", &unlisted, &signer().token(Some("JWT"), &claims())] {
        assert_eq!(
            status(&at_once(send(&scene.bearer, token))),
            StatusCode::UNAUTHORIZED
        );
    }
}

#[test]
fn a_withdrawn_keys_tokens_are_refused_from_the_swap_on() {
    let mut scene = Scene::loaded();
    assert_eq!(status(&at_once(scene.send(&signer()))), StatusCode::OK);
    scene.publish(next_signer().key_set());
    scene.owner.answer(Answer::Exhausted);
    assert_eq!(
        status(&at_once(scene.send(&signer()))),
        StatusCode::UNAUTHORIZED
    );
}

#[test]
fn a_fixed_set_never_waits() {
    let bearer = bearer(&issuer(), &ManualClock::new());
    let verdict = at_once(send(&bearer, &next_signer().access_token(&claims())));
    assert_eq!(status(&verdict), StatusCode::UNAUTHORIZED);
}

#[test]
fn debug_output_shows_no_token_and_no_key() {
    let shown = format!("{:?}", Scene::loaded().bearer);
    assert!(shown.contains(ISSUER), "{shown}");
}
