//! Amazon Cognito.

use portcullis_core::PrincipalKind;
use portcullis_jwt::{JwtVerifier, Profile, VerifyError};
use serde_json::{Value, json};

use crate::{Preset, support::*, times};

const CLIENT: &str = "1example23456789";

fn machine() -> Value {
    times(json!({
        "sub": CLIENT, "token_use": "access", "scope": "orders/read orders/write", "auth_time": NOW - 10, "version": 2,
        "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "client_id": CLIENT,
    }))
}

fn user() -> Value {
    changed(
        machine(),
        json!({
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "username": "my-test-user", "cognito:groups": ["testgroup"],
            "origin_jti": "o", "event_id": "e", "device_key": "d", "scope": "openid orders/read",
        }),
    )
}

fn preset() -> Preset {
    let verifier = JwtVerifier::of(&issuer())
        .client_ids([CLIENT])
        .algorithms([portcullis_jwt::Algorithm::EdDSA])
        .profile(Profile::cognito());
    Preset {
        verifier: verifier.build().expect("a verifier"),
        typ: None,
    }
}

#[test]
fn machine_token_is_accepted_by_its_client_id() {
    let principal = preset().accept(&machine());
    assert_eq!(principal.kind(), PrincipalKind::Machine);
    assert_eq!(
        (principal.client_id(), principal.subject()),
        (Some(CLIENT), Some(CLIENT))
    );
    assert_eq!(principal.scopes().to_string(), "orders/read orders/write");
}

#[test]
fn o1_user_token_has_kind_user() {
    assert_eq!(preset().accept(&user()).kind(), PrincipalKind::User);
    let nameless = changed(user(), json!({"username": null}));
    assert_eq!(preset().accept(&nameless).kind(), PrincipalKind::Unknown);
    let disguised = changed(machine(), json!({"username": "jane"}));
    assert_eq!(preset().accept(&disguised).kind(), PrincipalKind::User);
}

#[test]
fn client_id_is_checked_instead_of_the_audience() {
    for client in ["1EXAMPLE23456789", "1example2345678", "1example23456789x"] {
        let other = changed(machine(), json!({"client_id": client}));
        assert!(
            matches!(preset().refuse(&other), VerifyError::ClientId { .. }),
            "{client}"
        );
    }
}

#[test]
fn p4_aud_is_checked_if_present() {
    let bound = changed(machine(), json!({"aud": AUDIENCE}));
    assert!(matches!(
        preset().refuse(&bound),
        VerifyError::Audience { .. }
    ));
    let verifier = verifier(Profile::cognito())
        .client_ids([CLIENT])
        .build()
        .expect("a verifier");
    assert!(judge(&verifier, &signer().token(None, &bound)).is_ok());
    assert!(judge(&verifier, &signer().token(None, &machine())).is_ok());
    let elsewhere = changed(machine(), json!({"aud": "https://other.example.com"}));
    assert!(matches!(
        judge(&verifier, &signer().token(None, &elsewhere)),
        Err(VerifyError::Audience { .. })
    ));
}

#[test]
fn p6_id_token_is_rejected() {
    let id_token = times(json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["testgroup"], "email_verified": true,
        "cognito:username": "my-test-user", "nonce": "n", "origin_jti": "o", "aud": CLIENT, "event_id": "e", "token_use": "id",
        "auth_time": NOW - 10, "jti": "j", "email": "jane@example.com",
    }));
    assert!(matches!(
        preset().refuse(&id_token),
        VerifyError::Audience { .. }
    ));
    let best_disguise = changed(id_token, json!({"aud": null, "client_id": CLIENT}));
    assert!(matches!(
        preset().refuse(&best_disguise),
        VerifyError::NotAnAccessToken { .. }
    ));
}

#[test]
fn each_required_claim_is_required() {
    preset().requires(
        &machine(),
        &["iss", "exp", "iat", "sub", "jti", "token_use", "client_id"],
    );
}
