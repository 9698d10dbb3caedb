//! The types of claims, the times, and what the claims decide about the principal.

mod support;

use std::time::Duration;

use portcullis_core::PrincipalKind;
use portcullis_jwt::{Profile, VerifyError};
use serde_json::json;
use support::{
    AUDIENCE, NOW, accepted, claims, claims_with, invalid_claim, judge, judge_at, refused, signer,
    strict, verifier,
};

#[test]
fn j6_aud_is_a_string_or_an_array_of_strings() {
    for aud in [
        json!(1),
        json!({"aud": AUDIENCE}),
        json!([AUDIENCE, 1]),
        json!([[AUDIENCE]]),
        json!([null]),
        json!(true),
    ] {
        assert_eq!(invalid_claim(refused(json!({"aud": aud}))), "aud", "{aud}");
    }
}

#[test]
fn a3_each_required_claim_is_required() {
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        assert_eq!(
            refused(json!({name: null})),
            VerifyError::MissingClaim(name.into())
        );
    }
    accepted(json!({"scope": null}));
}

#[test]
fn a3_claims_have_their_registered_types() {
    for name in ["iss", "sub", "client_id", "jti"] {
        for value in [
            json!(1),
            json!(""),
            json!(["billing"]),
            json!({}),
            json!(false),
        ] {
            assert_eq!(
                invalid_claim(refused(json!({name: value}))),
                name,
                "{name} {value}"
            );
        }
        let null = format!(
            r#"{{"{name}":null,{}"#,
            &claims_with(json!({name: null})).to_string()[1..]
        );
        let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, &null);
        assert_eq!(
            invalid_claim(judge(&strict(), &token).expect_err("null")),
            name
        );
    }
}

#[test]
fn j5_date_must_be_a_number() {
    accepted(json!({"exp": NOW as f64 + 0.5, "iat": NOW as f64 - 0.5, "nbf": NOW as f64 - 0.25}));
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!(NOW.to_string()),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(u64::MAX),
            json!([NOW]),
            json!({}),
        ] {
            assert_eq!(
                invalid_claim(refused(json!({name: value}))),
                name,
                "{name} {value}"
            );
        }
    }
}

#[test]
fn j5_date_in_milliseconds_is_rejected() {
    for name in ["exp", "iat", "nbf"] {
        let date = json!(NOW * 1_000);
        assert_eq!(invalid_claim(refused(json!({name: date}))), name);
    }
}

#[test]
fn a2_leeway_applies_to_exp_and_nbf() {
    let verifier = strict();
    let token = signer().access_token(&claims_with(json!({"nbf": NOW})));
    let verdict = |now| judge_at(&verifier, &token, now);
    assert!(verdict(NOW - 60).is_ok());
    assert_eq!(
        verdict(NOW - 61).expect_err("early"),
        VerifyError::NotYetValid(Duration::from_secs(61), Duration::from_secs(60))
    );
    assert!(verdict(NOW + 290 + 59).is_ok());
    assert_eq!(
        verdict(NOW + 290 + 60).expect_err("late"),
        VerifyError::Expired(Duration::from_secs(60), Duration::from_secs(60))
    );
}

#[test]
fn a2_leeway_is_configurable() {
    let verifier = verifier(Profile::rfc9068())
        .leeway(Duration::ZERO)
        .build()
        .expect("a verifier");
    let token = signer().access_token(&claims());
    assert!(judge_at(&verifier, &token, NOW + 289).is_ok());
    assert!(matches!(
        judge_at(&verifier, &token, NOW + 290),
        Err(VerifyError::Expired { .. })
    ));
}

#[test]
fn a2_lifetime_over_48_hours_is_rejected() {
    let issued = NOW - 10;
    accepted(json!({"exp": issued + 48 * 3_600}));
    assert_eq!(
        refused(json!({"exp": issued + 48 * 3_600 + 1})),
        VerifyError::Lifetime {
            lifetime: Duration::from_secs(48 * 3_600 + 1),
            limit: Duration::from_secs(48 * 3_600),
        }
    );
    let patient = verifier(Profile::rfc9068())
        .max_lifetime(Duration::from_secs(72 * 3_600))
        .build()
        .expect("a verifier");
    let token = signer().access_token(&claims_with(json!({"exp": issued + 72 * 3_600})));
    assert!(judge(&patient, &token).is_ok());
}

#[test]
fn d3_token_with_any_cnf_is_rejected() {
    for cnf in [
        json!({"jkt": "x"}),
        json!({"x5t#S256": "x"}),
        json!({}),
        json!("x"),
        json!(0),
        json!(false),
        json!([]),
    ] {
        assert_eq!(
            refused(json!({"cnf": cnf})),
            VerifyError::SenderConstrained,
            "{cnf}"
        );
    }
    let null = format!(r#"{{"cnf":null,{}"#, &claims().to_string()[1..]);
    let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, &null);
    assert_eq!(
        judge(&strict(), &token).expect_err("null"),
        VerifyError::SenderConstrained
    );
}

#[test]
fn o1_subject_decides_the_principal_kind() {
    let kind = |changes| {
        judge(&strict(), &signer().access_token(&claims_with(changes)))
            .expect("accepted")
            .kind()
    };
    assert_eq!(kind(json!({})), PrincipalKind::Machine);
    assert_eq!(kind(json!({"sub": "alice"})), PrincipalKind::User);
    assert_eq!(kind(json!({"sub": "Billing"})), PrincipalKind::User);
    for claim in ["auth_time", "acr", "amr"] {
        assert_eq!(kind(json!({claim: "x"})), PrincipalKind::Unknown, "{claim}");
    }
}

#[test]
fn scopes_are_read_from_strings_and_arrays() {
    let scopes = |changes| {
        let token = signer().access_token(&claims_with(changes));
        judge(&strict(), &token)
            .expect("accepted")
            .scopes()
            .to_string()
    };
    assert_eq!(scopes(json!({"scope": ["b", "a"]})), "a b");
    assert_eq!(scopes(json!({"scope": null, "scp": "a b"})), "a b");
    assert_eq!(scopes(json!({"scope": null, "scp": ["a", "b c"]})), "a");
    assert_eq!(scopes(json!({"scope": "a\u{a0}b c\td é \"q\" \\ e"})), "e");
    assert_eq!(scopes(json!({"scope": 7, "scp": "a"})), "");
    assert_eq!(scopes(json!({"scope": {"a": true}})), "");
}
