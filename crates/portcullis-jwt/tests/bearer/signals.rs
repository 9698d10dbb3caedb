//! Other rejections: which of them signal the owner of the keys, and which are outages.

use std::{sync::atomic::Ordering, time::Duration};

use http::StatusCode;
use portcullis_core::clock::UnixTime;
use serde_json::json;

use crate::{
    at_once,
    issuer_double::{Answer, Scene},
    next_signer, send, status,
    support::{ISSUER, NOW, Signer, claims, claims_with, signer},
};

#[test]
fn bad_signature_of_a_known_key_signals_without_waiting() {
    let scene = Scene::loaded();
    let forged = Signer::new(7, "key-1");
    assert_eq!(
        status(&at_once(scene.send(&forged))),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(scene.owner.signals(), (0, 1));
}

#[test]
fn missing_keys_signal_the_owner_and_set_retry_after() {
    let signals = |scene: &Scene, token: &str| {
        let failure = at_once(send(&scene.bearer, token)).expect_err("an outage");
        assert_eq!(failure.kind().status(), StatusCode::SERVICE_UNAVAILABLE);
        let wait = failure.retry_after().expect("a time");
        assert!((20..=25).contains(&wait.as_secs()), "{wait:?}");
        scene.owner.0.no_keys.load(Ordering::SeqCst)
    };
    let mut scene = Scene::empty();
    let good = signer().access_token(&claims());
    assert_eq!(signals(&scene, &good), 1);
    let foreign = claims_with(json!({"iss": "https://other.example.com"}));
    assert_eq!(
        signals(&scene, &signer().access_token(&foreign)),
        1,
        "no fetch for another issuer's token"
    );
    scene.publish(signer().key_set());
    scene.clock.advance(Duration::from_secs(3_600));
    let late = claims_with(json!({"iat": NOW + 3_600, "exp": NOW + 3_900}));
    assert_eq!(
        signals(&scene, &signer().access_token(&late)),
        2,
        "stale keys"
    );
}

#[test]
fn other_rejections_do_not_signal() {
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
            let failure = verdict.expect_err("refused");
            assert_eq!(failure.external(), "the token's issuer is not accepted");
        }
    }
    assert_eq!(scene.owner.signals(), (0, 0));
}

#[test]
fn token_with_a_malformed_payload_does_not_signal() {
    let scene = Scene::loaded();
    for signer in [next_signer(), Signer::new(7, "key-1")] {
        let token = signer.access_token(&claims());
        let (header, rest) = token.split_once('.').expect("a token");
        let signature = rest.split_once('.').expect("a token").1;
        let token = format!("{header}.A.{signature}");
        let failure = at_once(send(&scene.bearer, &token)).expect_err("refused");
        assert_eq!(failure.kind().status(), StatusCode::UNAUTHORIZED);
        assert!(failure.internal().contains("payload"), "{failure:?}");
    }
    assert_eq!(scene.owner.signals(), (0, 0));
}

#[test]
fn missing_or_stale_keys_are_503() {
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
fn malformed_token_is_401_even_in_an_outage() {
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
fn tokens_of_a_withdrawn_key_are_rejected() {
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
fn debug_output_contains_no_token_and_no_key() {
    let shown = format!("{:?}", Scene::loaded().bearer);
    assert!(shown.contains(ISSUER), "{shown}");
}
