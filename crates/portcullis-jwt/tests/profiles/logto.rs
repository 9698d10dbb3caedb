//! Logto.

use portcullis_core::PrincipalKind;
use portcullis_jwt::{Profile, VerifyError};
use serde_json::{Value, json};

use crate::{Preset, support::*, times};

fn machine() -> Value {
    times(json!({
        "jti": "j", "sub": "sx4gcoqzrgdgx7xhr9k1z", "client_id": "sx4gcoqzrgdgx7xhr9k1z", "aud": AUDIENCE, "scope": "orders:read",
    }))
}

fn preset() -> Preset {
    Preset::new(Profile::logto(), Some("at+jwt"))
}

#[test]
fn machine_token_is_accepted() {
    let principal = preset().accept(&machine());
    assert_eq!(principal.kind(), PrincipalKind::Machine);
    assert_eq!(principal.scopes().to_string(), "orders:read");
    let without_scope = preset().accept(&changed(machine(), json!({"scope": null})));
    assert!(without_scope.scopes().is_empty());
}

#[test]
fn organization_urn_is_an_audience() {
    let verifier = verifier(Profile::logto())
        .audience("urn:logto:organization:acme")
        .build()
        .expect("a verifier");
    let token = changed(machine(), json!({"aud": "urn:logto:organization:acme"}));
    assert!(judge(&verifier, &signer().access_token(&token)).is_ok());
    let other = changed(machine(), json!({"aud": "urn:logto:organization:acme2"}));
    assert!(matches!(
        judge(&verifier, &signer().access_token(&other)),
        Err(VerifyError::Audience { .. })
    ));
}

#[test]
fn o1_user_token_has_kind_user() {
    assert_eq!(
        preset()
            .accept(&changed(machine(), json!({"sub": "user123"})))
            .kind(),
        PrincipalKind::User
    );
}

#[test]
fn p6_id_token_is_rejected() {
    let id_token = times(json!({"sub": "user123", "aud": AUDIENCE, "at_hash": "h"}));
    let as_sent = judge(&preset().verifier, &signer().token(Some("JWT"), &id_token));
    assert!(matches!(as_sent, Err(VerifyError::Type { .. })));
}

#[test]
fn each_required_claim_is_required() {
    preset().requires(
        &machine(),
        &["iss", "aud", "exp", "iat", "sub", "client_id", "jti"],
    );
}
