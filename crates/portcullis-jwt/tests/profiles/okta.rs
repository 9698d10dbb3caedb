//! Okta.

use portcullis_core::PrincipalKind;
use portcullis_jwt::{Profile, VerifyError};
use serde_json::{Value, json};

use crate::{Preset, support::*, times};

fn machine() -> Value {
    times(json!({
        "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "aud": AUDIENCE, "sub": "nmdP1fcyvdVO11AL7ECm",
        "cid": "nmdP1fcyvdVO11AL7ECm", "scp": ["orders:read", "orders:write"],
    }))
}

fn user() -> Value {
    changed(
        machine(),
        json!({"sub": "jane@example.com", "uid": "00ujmkLgagxeRrAg20g3", "auth_time": NOW - 60}),
    )
}

fn preset() -> Preset {
    Preset::new(Profile::okta(), None)
}

#[test]
fn machine_token_is_accepted() {
    let principal = preset().accept(&machine());
    assert_eq!(principal.kind(), PrincipalKind::Machine);
    assert_eq!(principal.client_id(), Some("nmdP1fcyvdVO11AL7ECm"));
    assert_eq!(principal.scopes().to_string(), "orders:read orders:write");
}

#[test]
fn o1_user_token_has_kind_user() {
    assert_eq!(preset().accept(&user()).kind(), PrincipalKind::User);
    let mapped = changed(user(), json!({"sub": "nmdP1fcyvdVO11AL7ECm"}));
    assert_eq!(
        preset().accept(&mapped).kind(),
        PrincipalKind::User,
        "a custom `sub` does not make a user a machine"
    );
    let customised = changed(machine(), json!({"sub": "crawler"}));
    assert_eq!(preset().accept(&customised).kind(), PrincipalKind::Unknown);
}

#[test]
fn p6_id_token_is_rejected() {
    let id_token = times(json!({
        "ver": 1, "sub": "00uid4BxXw6I6TV4m0g3", "aud": "uAaunofWkaDJxukCFeBx", "amr": ["pwd"], "jti": "ID.4eAWJOCMB3SX8XewDfVR",
        "auth_time": NOW - 10, "at_hash": "cpqKfdQA5eH891Ff5oJr_Q", "name": "John Doe",
    }));
    assert!(matches!(
        preset().refuse(&id_token),
        VerifyError::Audience { .. }
    ));
    let same_name = changed(id_token, json!({"aud": AUDIENCE}));
    assert!(matches!(
        preset().refuse(&same_name),
        VerifyError::MissingClaim(_)
    ));
    let best_disguise = changed(same_name, json!({"cid": AUDIENCE, "scp": ["orders:read"]}));
    assert!(matches!(
        preset().refuse(&best_disguise),
        VerifyError::NotAnAccessToken { .. }
    ));
}

#[test]
fn tokens_of_the_org_authorization_server_are_rejected() {
    let internal = Preset::new(Profile::okta(), Some("application/okta-internal-at+jwt"));
    assert!(matches!(
        internal.refuse(&machine()),
        VerifyError::Type { .. }
    ));
}

#[test]
fn each_required_claim_is_required() {
    preset().requires(
        &machine(),
        &[
            "iss", "aud", "exp", "iat", "sub", "jti", "ver", "cid", "scp",
        ],
    );
}
