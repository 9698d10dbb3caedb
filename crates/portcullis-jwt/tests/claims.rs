//! What the claims must say: their types and times, and what becomes of them.

mod support;

use std::time::Duration;

use portcullis_core::PrincipalKind;
use portcullis_jwt::{ClaimPath, JwtVerifier, Profile, VerifyError};
use serde_json::{Value, json};
use support::{AUDIENCE, NOW, changed, claims, claims_with, judge, judge_at, signer, verifier};

fn strict() -> JwtVerifier {
    verifier(Profile::rfc9068()).build().expect("a verifier")
}

/// What the strict verifier says of a genuine access token with these changes to its claims.
fn refused(changes: Value) -> VerifyError {
    judge(
        &strict(),
        &signer().access_token(&claims_with(changes.clone())),
    )
    .expect_err(&changes.to_string())
}

fn accepted(changes: Value) {
    let verdict = judge(
        &strict(),
        &signer().access_token(&claims_with(changes.clone())),
    );
    assert!(verdict.is_ok(), "{changes}: {verdict:?}");
}

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
        assert_eq!(
            refused(json!({"aud": aud})),
            VerifyError::InvalidClaim("aud".into()),
            "{aud}"
        );
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
                refused(json!({name: value})),
                VerifyError::InvalidClaim(name.into()),
                "{name} {value}"
            );
        }
        let null = format!(
            r#"{{"{name}":null,{}"#,
            &claims_with(json!({name: null})).to_string()[1..]
        );
        let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, &null);
        assert_eq!(
            judge(&strict(), &token).expect_err("null"),
            VerifyError::InvalidClaim(name.into())
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
                refused(json!({name: value})),
                VerifyError::InvalidClaim(name.into()),
                "{name} {value}"
            );
        }
    }
}

#[test]
fn j5_date_in_milliseconds_is_rejected() {
    for name in ["exp", "iat", "nbf"] {
        let date = json!(NOW * 1_000);
        assert_eq!(
            refused(json!({name: date})),
            VerifyError::InvalidClaim(name.into())
        );
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
        VerifyError::NotYetValid {
            away: Duration::from_secs(61)
        }
    );
    assert!(verdict(NOW + 290 + 59).is_ok());
    assert_eq!(
        verdict(NOW + 290 + 60).expect_err("late"),
        VerifyError::Expired {
            ago: Duration::from_secs(60)
        }
    );
}

#[test]
fn a2_leeway_is_configurable() {
    let verifier = verifier(Profile::default())
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
    let patient = verifier(Profile::default())
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

#[test]
fn client_ids_can_be_restricted_with_any_profile() {
    let verifier = verifier(Profile::default())
        .client_ids(["billing", "shop"])
        .build()
        .expect("a verifier");
    assert!(judge(&verifier, &signer().access_token(&claims())).is_ok());
    let other = signer().access_token(&claims_with(json!({"client_id": "Billing"})));
    assert!(matches!(
        judge(&verifier, &other),
        Err(VerifyError::ClientId { .. })
    ));
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Tenant {
    tenant: String,
    limits: Vec<u32>,
}

#[test]
fn custom_claims_do_not_decode_from_arrays_or_reserved_members() {
    #[derive(serde::Deserialize)]
    struct Access {
        #[expect(dead_code, reason = "it only has to decode")]
        realm_access: Roles,
    }
    #[derive(serde::Deserialize)]
    struct Roles {
        #[expect(dead_code, reason = "it only has to decode")]
        roles: Vec<String>,
    }
    let typed = verifier(Profile::default())
        .claims::<Access>()
        .build()
        .expect("a verifier");
    let verdict = |roles: serde_json::Value| {
        let claims = claims_with(json!({ "realm_access": roles }));
        judge(&typed, &signer().access_token(&claims)).map(|_| ())
    };
    assert_eq!(verdict(json!({"roles": ["admin"]})), Ok(()));
    assert!(matches!(
        verdict(json!([["admin"]])),
        Err(VerifyError::CustomClaims(_))
    ));

    let untyped = verifier(Profile::default())
        .claims::<serde_json::Value>()
        .build()
        .expect("a verifier");
    for name in ["Number", "RawValue"] {
        let smuggled = json!({ format!("$serde_json::private::{name}"): "1" });
        let claims = claims_with(json!({"x": [smuggled]}));
        assert!(matches!(
            judge(&untyped, &signer().access_token(&claims)),
            Err(VerifyError::Claims(_))
        ));
    }
}

#[test]
fn custom_claims_are_decoded_once_and_borrowed() {
    let verifier = verifier(Profile::default())
        .claims::<Tenant>()
        .build()
        .expect("a verifier");
    let good = signer().access_token(&claims_with(json!({"tenant": "acme", "limits": [1, 2]})));
    let principal = judge(&verifier, &good).expect("accepted");
    assert_eq!(
        principal.claims::<Tenant>(),
        Some(&Tenant {
            tenant: "acme".into(),
            limits: vec![1, 2]
        })
    );
    assert!(principal.claims::<String>().is_none());
    for bad in [
        json!({}),
        json!({"tenant": 1, "limits": []}),
        json!({"tenant": "a", "limits": [-1]}),
    ] {
        let verdict = judge(&verifier, &signer().access_token(&claims_with(bad)));
        assert!(
            matches!(verdict, Err(VerifyError::CustomClaims(_))),
            "{verdict:?}"
        );
    }
}

#[test]
fn adjusted_profile_requires_only_its_own_claims() {
    let profile = Profile::rfc9068()
        .with_client_id_claims(["azp"])
        .with_required_claims(["sub", "client_id"]);
    let verifier = verifier(profile).build().expect("a verifier");
    let bare = changed(
        claims(),
        json!({"client_id": null, "azp": "billing", "jti": null, "iat": null}),
    );
    let principal = judge(&verifier, &signer().access_token(&bare)).expect("accepted");
    assert_eq!(
        (principal.client_id(), principal.credential_id()),
        (Some("billing"), None)
    );
    let without = changed(bare.clone(), json!({"azp": null}));
    assert_eq!(
        judge(&verifier, &signer().access_token(&without)).expect_err("no client"),
        VerifyError::MissingClaim("client_id".into())
    );
    // Without an `iat`, the lifetime counts from now.
    let long = changed(bare, json!({"exp": NOW + 49 * 3_600}));
    assert_eq!(
        judge(&verifier, &signer().access_token(&long)).expect_err("too long"),
        VerifyError::Lifetime {
            lifetime: Duration::from_secs(49 * 3_600),
            limit: Duration::from_secs(48 * 3_600),
        }
    );
}

#[test]
fn p4_audience_can_be_in_a_custom_claim() {
    let profile = || Profile::rfc9068().with_required_claims(["sub"]);
    let verdict = |profile: Profile, changes| {
        let verifier = verifier(profile).build().expect("a verifier");
        judge(&verifier, &signer().access_token(&claims_with(changes))).map(|_| ())
    };
    let resource = || profile().with_audience_claims(["resource", "resources"]);
    assert_eq!(
        verdict(resource(), json!({"aud": null, "resource": AUDIENCE})),
        Ok(())
    );
    assert_eq!(
        verdict(
            resource(),
            json!({"aud": null, "resources": ["x", AUDIENCE]})
        ),
        Ok(())
    );
    assert_eq!(
        verdict(resource(), json!({"aud": null})),
        Err(VerifyError::MissingClaim("resource".into()))
    );
    // Each that is there must be ours, and `aud` whatever the profile says.
    for (changes, claim) in [
        (json!({"aud": "x", "resource": AUDIENCE}), "aud"),
        (
            json!({"aud": null, "resource": AUDIENCE, "resources": ["x"]}),
            "resources",
        ),
        (json!({"resource": "x"}), "resource"),
    ] {
        assert!(
            matches!(verdict(resource(), changes), Err(VerifyError::Audience { claim: found, .. }) if found == claim),
            "{claim}"
        );
    }
    assert_eq!(
        verdict(resource(), json!({"resource": {"a": 1}})),
        Err(VerifyError::InvalidClaim("resource".into()))
    );
}

#[test]
fn required_claims_and_the_client_id_can_be_nested() {
    let client = || ClaimPath::from("client").member("id");
    let profile = Profile::rfc9068()
        .with_client_id_claims([client()])
        .with_required_claims([
            "sub".into(),
            "client_id".into(),
            ClaimPath::from("tenant").member("id"),
        ]);
    let verifier = verifier(profile).build().expect("a verifier");
    let verdict = |changes| judge(&verifier, &signer().access_token(&claims_with(changes)));
    let principal =
        verdict(json!({"client": {"id": "billing"}, "tenant": {"id": 1}})).expect("accepted");
    assert_eq!(principal.client_id(), Some("billing"));
    for (changes, error) in [
        (
            json!({"tenant": {"id": 1}}),
            VerifyError::MissingClaim("client_id".into()),
        ),
        (
            json!({"client": {"id": "billing"}, "tenant.id": 1}),
            VerifyError::MissingClaim("tenant.id".into()),
        ),
        (
            json!({"client": {"id": 1}, "tenant": {"id": 1}}),
            VerifyError::InvalidClaim("client.id".into()),
        ),
    ] {
        assert_eq!(verdict(changes).expect_err("refused"), error);
    }
}
