//! Keycloak.

use portcullis_core::PrincipalKind;
use portcullis_jwt::{ClaimPath, Profile, VerifyError};
use serde_json::{Value, json};

use crate::{Preset, support::*, times};

fn machine() -> Value {
    times(json!({
        "jti": "trrtcc:20cda5b8-8b46-4046-976d-0a477d66e919", "aud": [AUDIENCE, "account"],
        "sub": "1f4db6ad-5e75-479c-b289-b8096ec1f4f4", "typ": "Bearer", "azp": "Crawler", "acr": "1",
        "realm_access": {"roles": ["offline_access", "default-roles-staging"]},
        "resource_access": {"account": {"roles": ["manage-account"]}},
        "scope": "orders:read email profile", "email_verified": false, "clientHost": "192.0.2.1",
        "preferred_username": "service-account-crawler", "clientAddress": "192.0.2.1", "client_id": "Crawler",
    }))
}

fn user() -> Value {
    changed(
        machine(),
        json!({"preferred_username": "jane", "client_id": null, "clientHost": null, "clientAddress": null, "sid": "s", "azp": "shop"}),
    )
}

fn preset() -> Preset {
    Preset::new(Profile::keycloak(), Some("JWT"))
}

#[test]
fn service_account_token_is_accepted() {
    let principal = preset().accept(&machine());
    assert_eq!(principal.kind(), PrincipalKind::Machine);
    assert_eq!(principal.client_id(), Some("Crawler"));
    assert_eq!(
        principal.subject(),
        Some("1f4db6ad-5e75-479c-b289-b8096ec1f4f4")
    );
    assert_eq!(
        principal.scopes().to_string(),
        "email orders:read profile role:default-roles-staging role:offline_access"
    );
    let older = changed(machine(), json!({"client_id": null, "clientId": "Crawler"}));
    assert_eq!(preset().accept(&older).kind(), PrincipalKind::Machine);
    assert!(
        Preset::new(Profile::keycloak(), Some("at+jwt"))
            .judge(&machine())
            .is_ok()
    );
}

#[test]
fn o1_user_named_like_a_service_account_has_kind_user() {
    assert_eq!(preset().accept(&user()).kind(), PrincipalKind::User);
    let named_so = changed(
        user(),
        json!({"preferred_username": "service-account-shop"}),
    );
    assert_eq!(preset().accept(&named_so).kind(), PrincipalKind::Unknown);
    let mapped = changed(user(), json!({"client_id": "shop"}));
    assert_eq!(preset().accept(&mapped).kind(), PrincipalKind::Unknown);
    let of_another = changed(machine(), json!({"azp": "shop"}));
    assert_eq!(preset().accept(&of_another).kind(), PrincipalKind::Unknown);
}

#[test]
fn p6_id_token_or_refresh_token_is_rejected() {
    let id_token = changed(
        user(),
        json!({"typ": "ID", "aud": AUDIENCE, "azp": AUDIENCE, "at_hash": "h", "scope": null}),
    );
    assert!(matches!(
        preset().refuse(&id_token),
        VerifyError::NotAnAccessToken { .. }
    ));
    for typ in ["Refresh", "Offline", "Logout", "bearer", "Serialized-ID"] {
        let other = changed(user(), json!({"typ": typ}));
        assert!(
            matches!(
                preset().refuse(&other),
                VerifyError::NotAnAccessToken { .. }
            ),
            "{typ}"
        );
    }
}

#[test]
fn each_required_claim_is_required() {
    preset().requires(
        &machine(),
        &["iss", "aud", "exp", "iat", "sub", "jti", "typ", "azp"],
    );
}

#[test]
fn token_without_an_api_audience_is_rejected() {
    let plain = changed(machine(), json!({"aud": "account"}));
    assert!(matches!(
        preset().refuse(&plain),
        VerifyError::Audience { .. }
    ));
}

#[test]
fn roles_of_the_realm_and_of_this_api_are_granted_with_a_prefix() {
    let claims = changed(
        machine(),
        json!({
            "realm_access": {"roles": ["auditor"]},
            "resource_access": {
                "account": {"roles": ["manage-account"]},
                "Crawler": {"roles": ["orders:admin"]},
                AUDIENCE: {"roles": ["clerk", "orders:write"]},
            },
        }),
    );
    let scopes = preset().accept(&claims).scopes().to_string();
    assert_eq!(
        scopes,
        "email orders:read profile role:auditor role:clerk role:orders:write"
    );
    let bare = changed(
        machine(),
        json!({"realm_access": null, "resource_access": null, "scope": null}),
    );
    assert!(preset().accept(&bare).scopes().is_empty());
    for odd in [
        json!([]),
        json!("roles"),
        json!({"roles": {"a": 1}}),
        json!({"roles": [["a"]]}),
    ] {
        let claims = changed(
            bare.clone(),
            json!({"realm_access": odd, "resource_access": odd}),
        );
        assert!(preset().accept(&claims).scopes().is_empty(), "{odd}");
    }
}

#[test]
fn roles_of_a_configured_client_are_granted() {
    let profile = Profile::keycloak().role_claims([ClaimPath::from("resource_access")
        .member("orders-api")
        .member("roles")]);
    let claims = changed(
        machine(),
        json!({"resource_access": {"orders-api": {"roles": ["clerk"]}, AUDIENCE: {"roles": ["other"]}}}),
    );
    let scopes = Preset::new(profile, Some("JWT"))
        .accept(&claims)
        .scopes()
        .to_string();
    assert_eq!(scopes, "email orders:read profile role:clerk");
}
