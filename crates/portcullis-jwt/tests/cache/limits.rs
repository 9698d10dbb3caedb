//! The limits of the cache.

use std::thread;

use allocation_counter::measure;
use portcullis_jwt::{Bearer, CacheLimits, TrustedIssuers};
use serde_json::json;

use crate::{
    scene::{Scene, WARM, accepted, at, entries, judge, numbered, refused},
    support::{NOW, Signer, claims, claims_with, signer},
};

const PLENTY: usize = 1 << 24;

/// Padding that makes a token 7 KiB long.
const LONG: usize = 5_000;

/// Limits by count and by size, each with the padding of tokens of which too few fit.
const EITHER: [(CacheLimits, usize); 2] = [
    (CacheLimits::new(64, PLENTY), 0),
    (CacheLimits::new(64, 300_000), LONG),
];

#[test]
fn many_valid_tokens_stay_within_both_limits() {
    for (limits, padding) in [
        (CacheLimits::new(1, PLENTY), 0),
        (CacheLimits::new(9, PLENTY), 0),
        (CacheLimits::new(64, PLENTY), 0),
        (CacheLimits::new(64, PLENTY), LONG),
        (CacheLimits::new(64, 10_000), 0),
        (CacheLimits::new(1_024, 100_000), LONG),
        (CacheLimits::new(1_024, 20_000), LONG),
        (CacheLimits::new(200, PLENTY), 0),
    ] {
        let scene = Scene::usual();
        let bearer = scene.bearer_of(limits);
        for number in 0..300 {
            let token = numbered(number, padding);
            let principal = judge(&bearer, &token).expect("a valid token");
            assert_eq!(principal.credential_id(), Some(&*number.to_string()));
            let status = bearer.cache_status().expect("a cache");
            assert!(
                status.entries <= limits.max_entries,
                "{limits:?} {status:?}"
            );
            assert!(status.bytes <= limits.max_bytes, "{limits:?} {status:?}");
        }
        assert!(entries(&bearer) > 0, "{limits:?}");
    }
}

#[test]
fn hot_token_stays_in_the_shared_level() {
    for (limits, padding) in EITHER {
        let scene = Scene::usual();
        let bearer = scene.bearer_of(limits);
        let hot = signer().access_token(&claims());
        accepted(&bearer, &hot, WARM);
        let (mut number, mut again) = (0, 0);
        for _ in 0..200 {
            for _ in 0..4 {
                accepted(&bearer, &numbered(number, padding), 1);
                number += 1;
            }
            let before = scene.checked();
            thread::scope(|scope| {
                scope.spawn(|| accepted(&bearer, &hot, 1));
            });
            again += scene.checked() - before;
        }
        assert!(again <= 10, "{again} of 200 times, {limits:?}");
    }
}

#[test]
fn hot_tokens_survive_tokens_that_are_sent_once() {
    const HOT: usize = 24;
    const ROUNDS: usize = 100;
    let scene = Scene::usual();
    // Large enough for the hot tokens with any hashes. The other tokens fill it several times.
    let bearer = scene.bearer_of(CacheLimits::new(256, PLENTY));
    // Some hot tokens share a slot in the thread's own level.
    let hot: Vec<String> = (0..HOT).map(|number| numbered(number, 0)).collect();
    let mut again = 0;
    for round in 0..ROUNDS {
        for (number, token) in hot.iter().enumerate() {
            let before = scene.checked();
            let principal = judge(&bearer, token).expect("a valid token");
            again += scene.checked() - before;
            assert_eq!(principal.credential_id(), Some(&*number.to_string()));
        }
        for other in 0..8 {
            accepted(&bearer, &numbered(1_000 + 8 * round + other, 0), 1);
        }
    }
    assert!(
        again < 2 * HOT,
        "{again} of {} requests were verified; {HOT} are necessary",
        ROUNDS * HOT
    );
}

#[test]
fn full_cache_admits_a_token_on_its_second_verification() {
    for (limits, padding) in EITHER {
        let scene = Scene::usual();
        let bearer = scene.bearer_of(limits);
        for number in 0..200 {
            accepted(&bearer, &numbered(number, padding), 3);
        }
        let third = scene.checked().saturating_sub(2 * 200);
        assert!(third <= 10, "{third} of 200 were not admitted, {limits:?}");
    }
}

#[test]
fn tokens_sent_once_evict_nothing() {
    for (limits, padding) in EITHER {
        let scene = Scene::usual();
        let bearer = scene.bearer_of(limits);
        let first = (0..64).map(|number| numbered(number, padding));
        // Without the tokens whose shard was full.
        let kept: Vec<String> = first
            .filter(|token| {
                let before = entries(&bearer);
                accepted(&bearer, token, 1);
                entries(&bearer) > before
            })
            .collect();
        let full = bearer.cache_status();
        assert!(kept.len() > 10, "{full:?}");
        for number in 1_000..2_000 {
            accepted(&bearer, &numbered(number, padding), 1);
        }
        let checked = scene.checked();
        kept.iter().for_each(|token| accepted(&bearer, token, 1));
        assert_eq!(scene.checked(), checked, "{full:?}");
    }
}

#[test]
fn large_token_sent_again_evicts_at_most_one_used_entry() {
    for limits in [
        CacheLimits::new(256, 100_000),
        CacheLimits::new(256, 20_000),
    ] {
        let scene = Scene::usual();
        let bearer = scene.bearer_of(limits);
        let kept: Vec<String> = (0..100)
            .map(|number| numbered(number, 0))
            .filter(|token| {
                let before = entries(&bearer);
                accepted(&bearer, token, 1);
                entries(&bearer) > before
            })
            .collect();
        kept.iter().for_each(|token| accepted(&bearer, token, 1));
        let before = entries(&bearer);
        assert!(before > 8, "{before}");
        let long = numbered(1_000, LONG);
        accepted(&bearer, &long, 1);
        assert_eq!(entries(&bearer), before, "sent once");
        accepted(&bearer, &long, 1);
        assert!(entries(&bearer) >= before - 1, "{limits:?}");
    }
}

#[test]
fn rejected_token_does_not_count_as_used() {
    let ours = Scene::usual();
    let partner = Scene::of("https://partner.example.com", &[&signer()]);
    let verifiers = [&ours, &partner].map(|scene| scene.verifier().build().expect("a verifier"));
    let trusted = TrustedIssuers::new(verifiers).expect("two issuers");
    let bearer = Bearer::trusting(&trusted)
        .clock(ours.shared_clock())
        .token_cache(CacheLimits::new(2, PLENTY))
        .build()
        .expect("a scheme");
    let hot = signer().access_token(&claims());
    let of_partner = claims_with(json!({"iss": "https://partner.example.com"}));
    let of_partner = signer().access_token(&of_partner);
    accepted(&bearer, &hot, 1);
    accepted(&bearer, &of_partner, 1);
    trusted.remove("https://partner.example.com");
    accepted(&bearer, &hot, 2);
    refused(&bearer, &of_partner);
    accepted(&bearer, &numbered(1, 0), 2);
    let checked = ours.checked();
    thread::scope(|scope| {
        scope.spawn(|| accepted(&bearer, &hot, 1));
    });
    assert_eq!(ours.checked(), checked, "the used token was evicted");
}

#[test]
fn expired_entries_are_evicted_at_once() {
    for (limits, padding) in EITHER {
        let scene = Scene::usual();
        let bearer = scene.bearer_of(limits);
        for number in 0..200 {
            accepted(&bearer, &numbered(number, padding), 1);
        }
        // The lifetime, the leeway, and the second that has begun.
        scene.clock.set(at(NOW + 290 + 60 + 1));
        let later = json!({"exp": NOW + 900, "padding": "x".repeat(padding)});
        let token = signer().access_token(&claims_with(later));
        let checked = scene.checked();
        accepted(&bearer, &token, 2);
        assert_eq!(scene.checked(), checked + 1, "{limits:?}");
    }
}

#[test]
fn token_larger_than_the_cache_evicts_nothing() {
    let scene = Scene::usual();
    let bearer = scene.bearer_of(CacheLimits::new(64, 10_000));
    (0..3).for_each(|number| accepted(&bearer, &numbered(number, 0), 1));
    let before = bearer.cache_status();
    let long = numbered(9, LONG);
    accepted(&bearer, &long, WARM);
    assert_eq!(bearer.cache_status(), before);
    assert_eq!(scene.checked(), 3 + WARM);

    let none_fits = scene.bearer_of(CacheLimits::new(64, 1));
    accepted(&none_fits, &long, WARM);
    assert_eq!(entries(&none_fits), 0);
}

#[test]
fn token_verified_again_takes_no_second_entry() {
    let scene = Scene::usual();
    let bearer = scene.bearer();
    let token = signer().access_token(&claims());
    accepted(&bearer, &token, WARM);
    let before = bearer.cache_status();
    for _ in 0..20 {
        scene.publish(&[&Signer::new(2, "key-2")]);
        scene.publish(&[&signer()]);
        accepted(&bearer, &token, WARM);
    }
    assert_eq!((bearer.cache_status(), scene.checked()), (before, 21));
}

/// The scheme has no custom claims, because their allocations are not counted.
#[test]
fn estimated_bytes_cover_the_allocated_bytes() {
    const TOKENS: usize = 50;
    for changes in [
        json!({}),
        json!({"padding": "x".repeat(LONG)}),
        json!({"scope": scopes(10)}),
        json!({"scope": scopes(40)}),
    ] {
        let bearer = Scene::usual().bearer_of(CacheLimits::new(4_096, PLENTY));
        let mut claims = claims_with(changes);
        let mut token = |number: usize| {
            claims["jti"] = format!("token-{number:04}").into();
            signer().access_token(&claims)
        };
        // The first use of the cache may allocate more.
        accepted(&bearer, &token(TOKENS), 1);
        let tokens: Vec<String> = (0..TOKENS).map(token).collect();
        let before = bearer.cache_status().expect("a cache").bytes;
        let held = measure(|| {
            for token in &tokens {
                accepted(&bearer, token, 1);
            }
        });
        let held = usize::try_from(held.bytes_current).expect("more than before");
        let counted = bearer.cache_status().expect("a cache").bytes - before;
        let text = TOKENS * tokens[0].len();
        assert!(
            (text..=counted).contains(&held),
            "{counted} counted, {held} held, {text} of text"
        );
    }
}

fn scopes(count: usize) -> String {
    let scopes: Vec<String> = (0..count).map(|number| format!("{number:04}")).collect();
    scopes.join(" ")
}

#[test]
fn invalid_limits_are_config_errors() {
    for limits in [
        CacheLimits::new(0, PLENTY),
        CacheLimits::new(64, 0),
        CacheLimits::new(0, 0),
        CacheLimits::new(usize::MAX, PLENTY),
        CacheLimits::new((1 << 24) + 1, PLENTY),
    ] {
        let error = Scene::usual().builder().token_cache(limits).build();
        let error = error.expect_err("no cache");
        assert_eq!(error.setting(), "token_cache", "{limits:?}");
        let without = Scene::usual().builder().token_cache(limits);
        assert!(without.without_token_cache().build().is_ok());
    }
}
