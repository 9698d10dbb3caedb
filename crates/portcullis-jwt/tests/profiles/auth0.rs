//! Auth0.

use portcullis_core::PrincipalKind;
use portcullis_jwt::{Profile, VerifyError};
use serde_json::{Value, json};

use crate::{Preset, support::*, times};

fn machine() -> Value {
    times(json!({
        "sub": "awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients",
        "aud": AUDIENCE,
        "azp": "awZfdIir8YFdGZWkvCejDoUb7SjTDicx",
        "scope": "orders:read orders:write",
        "gty": "client-credentials",
        "permissions": ["orders:read", "orders:write", "orders:admin"],
    }))
}

fn user() -> Value {
    times(json!({
        "sub": "auth0|6553da60a54af58e29493993",
        "aud": [AUDIENCE, "https://tenant.auth0.com/userinfo"],
        "azp": "my_client_id",
        "scope": "openid profile orders:read",
    }))
}

#[test]
fn machine_token_is_accepted_in_both_dialects() {
    let principal = Preset::new(Profile::auth0(), Some("JWT")).accept(&machine());
    assert_eq!(principal.kind(), PrincipalKind::Machine);
    assert_eq!(
        principal.client_id(),
        Some("awZfdIir8YFdGZWkvCejDoUb7SjTDicx")
    );
    assert_eq!(
        principal.scopes().to_string(),
        "orders:read orders:write",
        "permissions are not scopes"
    );
    assert_eq!(principal.credential_id(), None);

    let rfc9068 = changed(
        machine(),
        json!({"azp": null, "gty": null, "client_id": "awZfdIir8YFdGZWkvCejDoUb7SjTDicx", "jti": "73WakrfVbNJB"}),
    );
    let principal = Preset::new(Profile::auth0(), Some("at+jwt")).accept(&rfc9068);
    assert_eq!(principal.kind(), PrincipalKind::Machine);
    assert_eq!(
        principal.client_id(),
        Some("awZfdIir8YFdGZWkvCejDoUb7SjTDicx")
    );
    assert_eq!(principal.credential_id(), Some("73WakrfVbNJB"));
}

#[test]
fn o1_user_token_has_kind_user() {
    let preset = Preset::new(Profile::auth0(), Some("JWT"));
    assert_eq!(preset.accept(&user()).kind(), PrincipalKind::User);
    let of_another_client = changed(machine(), json!({"azp": "other"}));
    assert_eq!(
        preset.accept(&of_another_client).kind(),
        PrincipalKind::Unknown
    );
    let by_password = changed(machine(), json!({"gty": "password"}));
    assert_eq!(preset.accept(&by_password).kind(), PrincipalKind::Unknown);
}

#[test]
fn p6_id_token_is_rejected() {
    let preset = Preset::new(Profile::auth0(), Some("JWT"));
    let id_token = times(json!({
        "sub": "auth0|123456", "aud": "my_client_id", "name": "Jane Doe", "nonce": "n-0S6", "sid": "s",
    }));
    assert!(matches!(
        preset.refuse(&id_token),
        VerifyError::Audience { .. }
    ));
    // Also if the API and the application have the same identifier.
    let same_name = changed(id_token, json!({"aud": AUDIENCE}));
    assert_eq!(
        preset.refuse(&same_name),
        VerifyError::MissingClaim("client_id".into())
    );
    let with_azp = changed(same_name, json!({"azp": AUDIENCE}));
    assert!(matches!(
        preset.refuse(&with_azp),
        VerifyError::NotAnAccessToken { .. }
    ));
}

#[test]
fn each_required_claim_is_required() {
    Preset::new(Profile::auth0(), Some("JWT"))
        .requires(&machine(), &["iss", "sub", "aud", "exp", "iat", "azp"]);
}
