//! Issuers that are trusted for a while.

use std::{sync::mpsc, thread};

use portcullis_jwt::{Algorithm, JwtVerifier, TrustedIssuers};
use serde_json::json;

use crate::{
    scene::{Scene, WARM, WARMTHS, accepted, judge, refused},
    support::{ISSUER, Signer, claims, claims_with, signer},
};

const PARTNER: &str = "https://partner.example.com";

/// Both issuers name their keys alike.
fn partner_signer() -> Signer {
    Signer::new(5, "key-1")
}

fn of_partner() -> String {
    partner_signer().access_token(&claims_with(json!({"iss": PARTNER})))
}

fn trusting(scene: &Scene) -> TrustedIssuers {
    let verifier = scene.verifier().build().expect("a verifier");
    TrustedIssuers::new([verifier]).expect("one issuer")
}

/// The rules of an issuer whose tokens are not for us.
fn for_others(scene: &Scene) -> JwtVerifier {
    JwtVerifier::of(&scene.keys)
        .audience("https://other.example.com")
        .algorithms([Algorithm::EdDSA])
        .build()
        .expect("a verifier")
}

#[test]
fn removed_issuer_invalidates_its_cached_tokens() {
    for warmth in WARMTHS {
        let scene = Scene::usual();
        let trusted = trusting(&scene);
        let bearer = scene.trusting(&trusted);
        let token = signer().access_token(&claims());
        accepted(&bearer, &token, warmth);
        assert!(trusted.remove(ISSUER));
        refused(&bearer, &token);
        let again = scene.verifier().build().expect("a verifier");
        trusted.add(again).expect("it was removed");
        accepted(&bearer, &token, WARM);
        assert_eq!(scene.checked(), 2, "and brings no old verdicts");
    }
}

#[test]
fn replaced_rules_apply_to_cached_tokens() {
    for warmth in WARMTHS {
        let scene = Scene::usual();
        let trusted = trusting(&scene);
        let bearer = scene.trusting(&trusted);
        let token = signer().access_token(&claims());
        accepted(&bearer, &token, warmth);
        trusted.replace(for_others(&scene));
        refused(&bearer, &token);
        trusted.replace(scene.verifier().build().expect("a verifier"));
        accepted(&bearer, &token, WARM);
    }
}

#[test]
fn keys_replaced_with_the_rules_apply_to_cached_tokens() {
    let scene = Scene::usual();
    let trusted = trusting(&scene);
    let bearer = scene.trusting(&trusted);
    let token = signer().access_token(&claims());
    accepted(&bearer, &token, WARM);
    // Of the same epoch, and the first keys are current still.
    let moved = Scene::new(&[&partner_signer()]);
    trusted.replace(moved.verifier().build().expect("a verifier"));
    refused(&bearer, &token);
    accepted(&bearer, &partner_signer().access_token(&claims()), WARM);
}

#[test]
fn added_issuer_keeps_cached_tokens() {
    let scene = Scene::usual();
    let trusted = trusting(&scene);
    let bearer = scene.trusting(&trusted);
    let token = signer().access_token(&claims());
    accepted(&bearer, &token, WARM);
    let partner = Scene::of(PARTNER, &[&partner_signer()]);
    let verifier = partner.verifier().build().expect("a verifier");
    trusted.add(verifier).expect("another issuer");
    accepted(&bearer, &token, WARM);
    assert_eq!(scene.checked(), 1);
}

#[test]
fn issuers_are_added_and_removed_independently() {
    let scene = Scene::usual();
    let partner = Scene::of(PARTNER, &[&partner_signer()]);
    let trusted = trusting(&scene);
    let bearer = scene.trusting(&trusted);
    let (ours, theirs) = (signer().access_token(&claims()), of_partner());
    for _ in 0..5 {
        accepted(&bearer, &ours, WARM);
        refused(&bearer, &theirs);
        let verifier = partner.verifier().build().expect("a verifier");
        trusted.add(verifier).expect("it is not there");
        for _ in 0..WARM {
            for (token, issuer) in [(&ours, ISSUER), (&theirs, PARTNER)] {
                let principal = judge(&bearer, token).expect("trusted");
                assert_eq!(principal.issuer(), Some(issuer));
            }
        }
        // The keys of one are no concern of the other.
        partner.publish(&[&Signer::new(6, "key-1")]);
        accepted(&bearer, &ours, 1);
        refused(&bearer, &theirs);
        partner.publish(&[&partner_signer()]);
        accepted(&bearer, &theirs, WARM);
        assert!(trusted.remove(PARTNER));
    }
    assert!(scene.checked() <= 6, "{}", scene.checked());
}

#[test]
fn issuer_removed_during_verification_does_not_cache_the_token() {
    let scene = Scene::usual();
    let trusted = trusting(&scene);
    let bearer = scene.trusting(&trusted);
    let token = signer().access_token(&claims());
    let list = trusted.clone();
    scene
        .counting
        .meanwhile(move || assert!(list.remove(ISSUER)));
    accepted(&bearer, &token, 1);
    refused(&bearer, &token);
    trusted.replace(for_others(&scene));
    refused(&bearer, &token);
}

#[test]
fn idle_thread_sees_a_removed_issuer() {
    for warmth in WARMTHS {
        let scene = Scene::usual();
        let trusted = trusting(&scene);
        let bearer = scene.trusting(&trusted);
        let token = signer().access_token(&claims());
        let (tell, told) = mpsc::channel();
        let (wake, woken) = mpsc::channel();
        thread::scope(|scope| {
            let (bearer, token) = (&bearer, &token);
            scope.spawn(move || {
                accepted(bearer, token, warmth);
                tell.send(()).expect("someone listens");
                woken.recv().expect("woken");
                refused(bearer, token);
            });
            told.recv().expect("it is warm there");
            assert!(trusted.remove(ISSUER));
            wake.send(()).expect("it waits");
        });
    }
}
