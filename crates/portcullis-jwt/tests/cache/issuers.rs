//! Issuers that are added to the trusted list, replaced and removed.

use portcullis_jwt::{Algorithm, Bearer, JwtVerifier, TrustedIssuers};
use serde_json::json;

use crate::{
    scene::{Scene, WARM, WARMTHS, accepted, judge, refused, refused_by_idle_thread},
    support::{ISSUER, PARTNER, Signer, claims, claims_with, partner_signer, signer},
};

fn of_partner() -> String {
    partner_signer().access_token(&claims_with(json!({"iss": PARTNER})))
}

/// The usual issuer, a list that trusts it, a scheme with that list, and a valid token.
fn trusting() -> (Scene, TrustedIssuers, Bearer, String) {
    let scene = Scene::usual();
    let verifier = scene.verifier().build().expect("a verifier");
    let trusted = TrustedIssuers::new([verifier]).expect("one issuer");
    let bearer = scene.trusting(&trusted);
    (scene, trusted, bearer, signer().access_token(&claims()))
}

/// Rules that accept another audience.
fn for_another_audience(scene: &Scene) -> JwtVerifier {
    JwtVerifier::of(&scene.keys)
        .audience("https://other.example.com")
        .algorithms([Algorithm::EdDSA])
        .build()
        .expect("a verifier")
}

#[test]
fn removed_issuer_invalidates_its_cached_tokens() {
    for warmth in WARMTHS {
        let (scene, trusted, bearer, token) = trusting();
        accepted(&bearer, &token, warmth);
        assert!(trusted.remove(ISSUER));
        refused(&bearer, &token);
        let again = scene.verifier().build().expect("a verifier");
        trusted.add(again).expect("a new issuer");
        accepted(&bearer, &token, WARM);
        assert_eq!(scene.checked(), 2, "the token is verified again");
    }
}

#[test]
fn replaced_rules_apply_to_cached_tokens() {
    for warmth in WARMTHS {
        let (scene, trusted, bearer, token) = trusting();
        accepted(&bearer, &token, warmth);
        trusted.replace(for_another_audience(&scene));
        refused(&bearer, &token);
        trusted.replace(scene.verifier().build().expect("a verifier"));
        accepted(&bearer, &token, WARM);
    }
}

#[test]
fn keys_replaced_with_the_rules_apply_to_cached_tokens() {
    let (_scene, trusted, bearer, token) = trusting();
    accepted(&bearer, &token, WARM);
    // The epoch is the same, and the first keys are still current.
    let moved = Scene::new(&[&partner_signer()]);
    trusted.replace(moved.verifier().build().expect("a verifier"));
    refused(&bearer, &token);
    accepted(&bearer, &partner_signer().access_token(&claims()), WARM);
}

#[test]
fn added_issuer_keeps_cached_tokens() {
    let (scene, trusted, bearer, token) = trusting();
    accepted(&bearer, &token, WARM);
    let partner = Scene::of(PARTNER, &[&partner_signer()]);
    let verifier = partner.verifier().build().expect("a verifier");
    trusted.add(verifier).expect("another issuer");
    accepted(&bearer, &token, WARM);
    assert_eq!(scene.checked(), 1);
}

#[test]
fn issuers_are_added_and_removed_independently() {
    let (scene, trusted, bearer, ours) = trusting();
    let (partner, theirs) = (Scene::of(PARTNER, &[&partner_signer()]), of_partner());
    for _ in 0..5 {
        accepted(&bearer, &ours, WARM);
        refused(&bearer, &theirs);
        let verifier = partner.verifier().build().expect("a verifier");
        trusted.add(verifier).expect("a new issuer");
        for _ in 0..WARM {
            for (token, issuer) in [(&ours, ISSUER), (&theirs, PARTNER)] {
                let principal = judge(&bearer, token).expect("trusted");
                assert_eq!(principal.issuer(), Some(issuer));
            }
        }
        // The keys of one issuer do not affect tokens of the other.
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
    let (scene, trusted, bearer, token) = trusting();
    let list = trusted.clone();
    scene
        .counting
        .during_next(move || assert!(list.remove(ISSUER)));
    accepted(&bearer, &token, 1);
    refused(&bearer, &token);
    trusted.replace(for_another_audience(&scene));
    refused(&bearer, &token);
}

#[test]
fn idle_thread_sees_a_removed_issuer() {
    for warmth in WARMTHS {
        let (_scene, trusted, bearer, token) = trusting();
        refused_by_idle_thread(&bearer, &token, warmth, || {
            assert!(trusted.remove(ISSUER));
        });
    }
}
