//! The credentials that the scheme reads, and its outcomes.

use std::time::Duration;

use http::{HeaderValue, Request, StatusCode, header::AUTHORIZATION};
use portcullis_core::{
    facts::FactFinders,
    scheme::{Head, Scheme},
};
use portcullis_jwt::{Algorithm, Bearer, IssuerKeys};
use serde_json::json;

use crate::{
    at_once, bearer, next_signer, send, status,
    support::{AUDIENCE, ISSUER, ManualClock, Signer, claims, claims_with, issuer, signer},
};

#[test]
fn accepted_token_expires_by_the_clock() {
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
fn b2_b5_h1_authorization_header_is_parsed_by_rfc_6750() {
    let bearer = bearer(&issuer(), &ManualClock::new());
    let finders = FactFinders::default();
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
    let detected = |values: &[&str]| match bearer.detect(&Head::new(&request(values), &finders)) {
        Ok(Some(credential)) => Some(credential.to_vec()),
        Ok(None) => None,
        Err(failure) => panic!("{values:?}: {failure:?}"),
    };
    // Either step may refuse the request.
    let refused = |values: &[&str]| {
        let request = request(values);
        let head = Head::new(&request, &finders);
        let failure = match bearer.detect(&head) {
            Err(failure) => failure,
            Ok(Some(credential)) => {
                at_once(bearer.authenticate(&head, credential)).expect_err("no token")
            }
            Ok(None) => panic!("{values:?} is for another scheme"),
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
fn b3_invalid_token_is_401() {
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

#[test]
fn algorithm_that_is_not_accepted_is_named_to_the_caller() {
    let bearer = bearer(&issuer(), &ManualClock::new());
    for (alg, message) in [
        (
            "RS256",
            "the token's signature algorithm is not accepted: RS256",
        ),
        (
            "HS256",
            "the token's signature algorithm is not accepted: HS256",
        ),
        ("none", "the token is not signed: its `alg` is none"),
    ] {
        let header = json!({"alg": alg, "kid": "key-1", "typ": "at+jwt"});
        let token = signer().sign(&header.to_string(), &claims().to_string());
        let failure = at_once(send(&bearer, &token)).expect_err(alg);
        assert_eq!(failure.external(), message);
    }
}

#[test]
fn log_names_the_issuer_client_and_key_of_a_refused_token() {
    let bearer = bearer(&issuer(), &ManualClock::new());
    let internal = |token: &str| {
        let failure = at_once(send(&bearer, token)).expect_err("refused");
        assert!(!failure.external().contains(ISSUER), "{failure:?}");
        failure.internal().to_owned()
    };
    let expired = signer().access_token(&claims_with(json!({"exp": 1})));
    let forged = Signer::new(9, "key-1").access_token(&claims_with(json!({"client_id": "x"})));
    let bound = signer().access_token(&claims_with(json!({"cnf": {"jkt": "x"}})));
    for (token, whose) in [
        (
            &expired,
            " (a token of issuer \"I\", client \"billing\", `kid` \"key-1\")",
        ),
        (
            &forged,
            " (checked as a token of issuer \"I\"; in its header `kid` is \"key-1\")",
        ),
        (&bound, " (a token of issuer \"I\", client \"billing\")"),
    ] {
        let logged = internal(token);
        assert!(logged.ends_with(&whose.replace('I', ISSUER)), "{logged}");
    }
    let sent = |alg: &str| {
        let header = json!({"alg": alg, "kid": "a\nb", "typ": "at+jwt"});
        internal(&signer().sign(&header.to_string(), &claims().to_string()))
    };
    let unknown_key = sent("EdDSA");
    assert!(
        unknown_key.ends_with("`kid` is \"a\\nb\")"),
        "{unknown_key}"
    );
    let refused_early = sent("HS256");
    assert!(!refused_early.contains("`kid`"), "{refused_early}");
}

#[test]
fn p7_too_long_token_is_rejected_with_its_length() {
    let external = |bearer: &Bearer, token: &str| {
        at_once(send(bearer, token))
            .map_err(|failure| (failure.external().to_owned(), failure.internal().to_owned()))
    };
    let default = bearer(&issuer(), &ManualClock::new());
    let long = signer().access_token(&claims_with(json!({"x": "x".repeat(9_000)})));
    let (message, logged) = external(&default, &long).expect_err("too long");
    assert_eq!(message, "the token is longer than this service accepts");
    let expected = format!(
        "the token has {} bytes; at most 8192 are accepted: shorten it at the issuer, or raise `max_token_bytes` of the verifier",
        long.len()
    );
    assert_eq!(logged, expected);

    let header =
        json!({"alg": "EdDSA", "kid": "key-1", "typ": "at+jwt", "x5c": ["x".repeat(3_500)]});
    let chained = signer().sign(&header.to_string(), &claims().to_string());
    let (message, logged) = external(&default, &chained).expect_err("too long");
    assert_eq!(
        message,
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
    let (_, logged) = external(&many, &of_short).expect_err("a token over the limit of its issuer");
    assert!(logged.contains("at most 100 are accepted"), "{logged}");

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
fn fixed_key_set_never_waits() {
    let bearer = bearer(&issuer(), &ManualClock::new());
    let verdict = at_once(send(&bearer, &next_signer().access_token(&claims())));
    assert_eq!(status(&verdict), StatusCode::UNAUTHORIZED);
}
