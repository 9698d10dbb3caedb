//! Profiles with other rules for claims, and custom claims.

mod support;

use std::time::Duration;

use portcullis_jwt::{ClaimPath, Profile, VerifyError};
use serde_json::json;
use support::{AUDIENCE, NOW, changed, claims, claims_with, judge, signer, verifier};

#[test]
fn client_ids_can_be_restricted_with_any_profile() {
    let verifier = verifier(Profile::rfc9068())
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
    let typed = verifier(Profile::rfc9068())
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

    let untyped = verifier(Profile::rfc9068())
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
    let verifier = verifier(Profile::rfc9068())
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
        .client_id_claims(["azp"])
        .required_claims(["sub", "client_id"]);
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
    let profile = || Profile::rfc9068().required_claims(["sub"]);
    let verdict = |profile: Profile, changes| {
        let verifier = verifier(profile).build().expect("a verifier");
        judge(&verifier, &signer().access_token(&claims_with(changes))).map(|_| ())
    };
    let resource = || profile().audience_claims(["resource", "resources"]);
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
    // Each audience claim that is present must match, and so must `aud` under every profile.
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
        Err(VerifyError::InvalidClaim(
            "resource".into(),
            "is an object, but must be a text or a list of texts".into()
        ))
    );
}

#[test]
fn required_claims_and_the_client_id_can_be_nested() {
    let client = || ClaimPath::from("client").member("id");
    let profile = Profile::rfc9068()
        .client_id_claims([client()])
        .required_claims([
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
            VerifyError::InvalidClaim(
                "client.id".into(),
                "is a number, but must be a text that is not empty".into(),
            ),
        ),
    ] {
        assert_eq!(verdict(changes).expect_err("refused"), error);
    }
}
