//! Keys that are withdrawn, replaced, confirmed, and that change while a token is verified.

use std::{sync::mpsc, thread};

use crate::{
    scene::{
        LOADED, STALE, Scene, WARM, WARMTHS, accepted, entries, next_signer, refused,
        refused_by_idle_thread,
    },
    support::{Signer, claims, signer},
};

#[test]
fn token_is_verified_once_for_all_threads_and_clones() {
    let scene = Scene::usual();
    let bearer = scene.bearer();
    let token = signer().access_token(&claims());
    accepted(&bearer, &token, WARM);
    for _ in 0..3 {
        let (bearer, token) = (bearer.clone(), token.clone());
        let thread = thread::spawn(move || accepted(&bearer, &token, WARM));
        thread.join().expect("accepted");
    }
    assert_eq!((scene.checked(), entries(&bearer)), (1, 1));
}

#[test]
fn without_a_cache_each_request_is_verified() {
    let scene = Scene::usual();
    let bearer = scene.builder().without_token_cache();
    let bearer = bearer.build().expect("a scheme");
    accepted(&bearer, &signer().access_token(&claims()), WARM);
    assert_eq!((scene.checked(), bearer.cache_status()), (WARM, None));
}

#[test]
fn withdrawn_key_invalidates_its_cached_tokens() {
    for warmth in WARMTHS {
        let scene = Scene::usual();
        let bearer = scene.bearer();
        let token = signer().access_token(&claims());
        accepted(&bearer, &token, warmth);
        scene.publish(&[&next_signer()]);
        refused(&bearer, &token);
        accepted(&bearer, &next_signer().access_token(&claims()), WARM);
    }
}

#[test]
fn withdrawn_key_keeps_tokens_of_other_keys_valid() {
    for warmth in WARMTHS {
        let (old, new) = (signer(), next_signer());
        let scene = Scene::new(&[&old, &new]);
        let bearer = scene.bearer();
        let (by_old, by_new) = (old.access_token(&claims()), new.access_token(&claims()));
        accepted(&bearer, &by_old, warmth);
        accepted(&bearer, &by_new, warmth);
        let before = scene.checked();
        scene.publish(&[&new]);
        accepted(&bearer, &by_new, WARM);
        assert_eq!(scene.checked() - before, 1, "it is verified again once");
        refused(&bearer, &by_old);
    }
}

#[test]
fn new_key_under_an_old_kid_invalidates_cached_tokens() {
    for warmth in WARMTHS {
        let (old, new) = (signer(), Signer::new(2, "key-1"));
        let scene = Scene::new(&[&old]);
        let bearer = scene.bearer();
        let (by_old, by_new) = (old.access_token(&claims()), new.access_token(&claims()));
        accepted(&bearer, &by_old, warmth);
        scene.publish(&[&new]);
        refused(&bearer, &by_old);
        accepted(&bearer, &by_new, warmth);
        scene.publish(&[&old]);
        refused(&bearer, &by_new);
        accepted(&bearer, &by_old, WARM);
    }
}

#[test]
fn unchanged_key_set_keeps_cached_tokens() {
    let (one, two) = (signer(), next_signer());
    let scene = Scene::new(&[&one, &two]);
    let bearer = scene.bearer();
    let token = one.access_token(&claims());
    accepted(&bearer, &token, WARM);
    scene.publish(&[&one, &two]);
    accepted(&bearer, &token, 1);
    scene.publish(&[&two, &one]);
    accepted(&bearer, &token, 1);
    let publisher = scene.publisher();
    publisher.with(|publisher| publisher.confirm(LOADED, STALE));
    accepted(&bearer, &token, 1);
    publisher.with(|publisher| publisher.set_times(LOADED, STALE, false));
    accepted(&bearer, &token, 1);
    publisher.with(|publisher| publisher.record_failure());
    accepted(&bearer, &token, 1);
    assert_eq!(scene.checked(), 1);
}

#[test]
fn restored_key_requires_a_new_verification() {
    let scene = Scene::usual();
    let bearer = scene.bearer();
    let token = signer().access_token(&claims());
    accepted(&bearer, &token, WARM);
    // No request is sent while the key is withdrawn.
    scene.publish(&[&next_signer()]);
    scene.publish(&[&signer()]);
    accepted(&bearer, &token, WARM);
    assert_eq!(scene.checked(), 2);
}

#[test]
fn key_withdrawn_during_verification_does_not_cache_the_token() {
    let scene = Scene::usual();
    let bearer = scene.bearer();
    let token = signer().access_token(&claims());
    let publisher = scene.publisher();
    scene
        .counting
        .during_next(move || publisher.publish(&[&next_signer()]));
    accepted(&bearer, &token, 1);
    refused(&bearer, &token);
    scene.publish(&[&signer()]);
    accepted(&bearer, &token, WARM);
}

#[test]
fn key_replaced_twice_during_verification_requires_a_new_verification() {
    let scene = Scene::usual();
    let bearer = scene.bearer();
    let token = signer().access_token(&claims());
    let publisher = scene.publisher();
    scene.counting.during_next(move || {
        publisher.publish(&[&next_signer()]);
        publisher.publish(&[&signer()]);
    });
    accepted(&bearer, &token, WARM);
    assert_eq!(scene.checked(), 2);
}

#[test]
fn idle_thread_sees_a_withdrawn_key() {
    for warmth in WARMTHS {
        let scene = Scene::usual();
        let bearer = scene.bearer();
        let token = signer().access_token(&claims());
        refused_by_idle_thread(&bearer, &token, warmth, || {
            scene.publish(&[&next_signer()]);
        });
    }
}

#[test]
fn cached_tokens_do_not_keep_the_refresher_alive() {
    let scene = Scene::usual();
    let bearer = scene.bearer();
    let token = signer().access_token(&claims());
    accepted(&bearer, &token, WARM);
    let (warm, warmed) = mpsc::channel();
    let (wake, woken) = mpsc::channel::<()>();
    let there = {
        let (bearer, token) = (bearer.clone(), token.clone());
        thread::spawn(move || {
            accepted(&bearer, &token, WARM);
            drop(bearer);
            warm.send(()).expect("a receiver");
            woken.recv().expect("a sender");
        })
    };
    warmed.recv().expect("a warm thread");
    let lives = scene.owner_lives_without(bearer);
    wake.send(()).expect("a waiting thread");
    there.join().expect("no panic");
    assert!(!lives, "the other thread still had the token");
}
