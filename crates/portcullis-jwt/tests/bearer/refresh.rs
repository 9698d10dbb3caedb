//! Tokens of unknown keys, which wait for a refresh.

use std::pin::pin;

use http::StatusCode;
use portcullis_core::{clock::UnixTime, scheme::Outcome};
use std::task::Poll;

use crate::{
    at_once, bearer,
    issuer_double::{Answer, Scene},
    next_signer, poll, send, status,
    support::{ManualClock, NOW, claims, issuer, key_set, signer},
};

#[test]
fn unknown_key_waits_for_a_refresh() {
    let mut scene = Scene::loaded();
    let verdict = scene.wait(|scene| scene.publish(key_set([&signer(), &next_signer()])));
    assert_eq!(status(&verdict), StatusCode::OK);
    assert_eq!(scene.owner.signals(), (1, 0));
    at_once(scene.send(&next_signer())).expect("a known key");
}

#[test]
fn key_still_unknown_is_401_after_a_fetch_and_503_after_a_failed_fetch() {
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
fn failed_or_late_refresh_is_503() {
    const MOVED: UnixTime = UnixTime::from_secs(NOW + 7_200);

    let failed = |action: fn(&mut Scene)| Scene::loaded().wait_for(Answer::Failed, action);
    assert_eq!(status(&failed(|_| ())), StatusCode::SERVICE_UNAVAILABLE);
    let verdict = failed(|scene| {
        scene
            .publisher
            .set_times(UnixTime::from_secs(NOW), MOVED, false)
    });
    assert_eq!(
        status(&verdict),
        StatusCode::SERVICE_UNAVAILABLE,
        "moving the times is not a fetch"
    );
    let verdict = failed(|scene| scene.publish(signer().key_set()));
    assert_eq!(
        status(&verdict),
        StatusCode::SERVICE_UNAVAILABLE,
        "a fetch from before the request may miss the new key"
    );
}

#[test]
fn exhausted_budget_answers_by_the_last_fetch() {
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
        "valid keys remain in use"
    );
}

#[test]
fn key_published_during_rejection_is_used_without_another_fetch() {
    for answer in [Answer::Exhausted, Answer::Saturated] {
        let mut scene = Scene::loaded();
        scene.owner.answer(answer);
        let token = next_signer().access_token(&claims());
        let (owner, bearer) = (scene.owner.clone(), scene.bearer.clone());
        let publish = move || scene.publish(key_set([&signer(), &next_signer()]));
        *owner.0.action.lock().expect("no panic") = Some(Box::new(publish));
        assert_eq!(status(&at_once(send(&bearer, &token))), StatusCode::OK);
        assert_eq!(owner.signals(), (1, 0));
    }
}

#[test]
fn too_many_waiting_requests_are_503() {
    let scene = Scene::loaded();
    scene.owner.answer(Answer::Saturated);
    assert_eq!(
        status(&at_once(scene.send(&next_signer()))),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[test]
fn token_without_kid_waits_like_an_unknown_kid() {
    let mut scene = Scene::loaded();
    let unnamed = next_signer().sign(r#"{"alg":"EdDSA","typ":"at+jwt"}"#, &claims().to_string());
    let Outcome::Pending(future) = send(&scene.bearer, &unnamed) else {
        panic!("the request does not wait")
    };
    let mut future = pin!(future);
    assert!(poll(future.as_mut()).is_pending());
    scene.publish(next_signer().key_set());
    scene.owner.answer(Answer::Done);
    let Poll::Ready(verdict) = poll(future) else {
        panic!("the request still waits")
    };
    assert_eq!(status(&verdict), StatusCode::OK);
    assert_eq!(scene.owner.signals(), (1, 0));

    let fixed = bearer(&issuer(), &ManualClock::new());
    let refused = at_once(send(&fixed, &unnamed)).expect_err("no key of a fixed set signed it");
    assert_eq!(refused.external(), "the token's signature does not hold");
}
