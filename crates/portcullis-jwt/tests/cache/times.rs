//! The clock, and the limits that follow from it.

use std::time::Duration;

use portcullis_core::FailureKind;
use serde_json::json;

use crate::{
    scene::{LOADED, Scene, WARM, WARMTHS, accepted, at, just_before, refused, refused_as},
    support::{NOW, claims, claims_with, signer},
};

/// The `exp` of [`claims`].
const EXPIRES: u64 = NOW + 290;
const LEEWAY: u64 = 60;

#[test]
fn cached_token_expires_on_the_nanosecond() {
    for warmth in WARMTHS {
        for leeway in [0, 1, LEEWAY] {
            let scene = Scene::usual();
            let bearer = scene.builder().leeway(Duration::from_secs(leeway));
            let bearer = bearer.build().expect("a scheme");
            let token = signer().access_token(&claims());
            accepted(&bearer, &token, warmth);
            scene.clock.set(just_before(EXPIRES + leeway));
            accepted(&bearer, &token, WARM);
            assert_eq!(scene.checked(), 1);
            scene.clock.set(at(EXPIRES + leeway));
            refused(&bearer, &token);
            scene.clock.set(at(NOW + 50_000));
            refused(&bearer, &token);
            scene.clock.set(at(NOW));
            accepted(&bearer, &token, WARM);
        }
    }
}

#[test]
fn cached_token_is_rejected_before_nbf_after_a_clock_jump() {
    for warmth in WARMTHS {
        for (times, begins) in [
            (json!({"nbf": NOW - 5}), NOW - 5),
            (json!({"nbf": NOW - 500}), NOW - 10),
            (json!({}), NOW - 10),
        ] {
            let scene = Scene::usual();
            let bearer = scene.bearer();
            let token = signer().access_token(&claims_with(times));
            accepted(&bearer, &token, warmth);
            scene.clock.set(at(begins - LEEWAY));
            accepted(&bearer, &token, WARM);
            assert_eq!(scene.checked(), 1);
            scene.clock.set(just_before(begins - LEEWAY));
            refused(&bearer, &token);
            scene.clock.set(at(1));
            refused(&bearer, &token);
            scene.clock.set(at(NOW));
            accepted(&bearer, &token, WARM);
        }
    }
}

#[test]
fn stale_keys_reject_cached_tokens_until_confirmed() {
    const STALE: u64 = NOW + 100;
    for warmth in WARMTHS {
        let scene = Scene::usual();
        let bearer = scene.bearer();
        let publisher = scene.publisher();
        publisher.with(|publisher| publisher.set_times(LOADED, at(STALE), false));
        let token = signer().access_token(&claims());
        accepted(&bearer, &token, warmth);
        scene.clock.set(just_before(STALE));
        accepted(&bearer, &token, 1);
        scene.clock.set(at(STALE));
        refused_as(&bearer, &token, FailureKind::Unavailable);

        publisher.with(|publisher| publisher.set_times(LOADED, at(STALE + 1), false));
        accepted(&bearer, &token, WARM);
        publisher.with(|publisher| publisher.set_times(LOADED, at(STALE), false));
        refused_as(&bearer, &token, FailureKind::Unavailable);
        publisher.with(|publisher| publisher.confirm(at(STALE), at(STALE + 100)));
        accepted(&bearer, &token, WARM);
        publisher.with(|publisher| publisher.set_times(LOADED, at(STALE), true));
        scene.clock.set(at(NOW));
        refused_as(&bearer, &token, FailureKind::Unavailable);
        publisher.with(|publisher| publisher.set_times(at(STALE), at(STALE + 100), false));
        accepted(&bearer, &token, WARM);

        scene.clock.set(at(STALE + 100));
        refused_as(&bearer, &token, FailureKind::Unavailable);
        let same = scene.counting.key_set(&[&signer()]);
        publisher.with(|publisher| publisher.publish(same, at(STALE + 100), at(STALE + 200)));
        accepted(&bearer, &token, WARM);
        assert_eq!(scene.checked(), 1);
    }
}
