//! Microsoft Entra ID.

use portcullis_core::PrincipalKind;
use portcullis_jwt::{Profile, VerifyError};
use serde_json::{Value, json};

use crate::{Preset, support::*, times};

const OID: &str = "6d8f2a1e-0000-4000-8000-3f2504e04f89";

fn machine_v2() -> Value {
    times(json!({
        "aud": AUDIENCE, "nbf": NOW - 10, "aio": "opaque", "azp": "11112222-bbbb-3333-cccc-4444dddd5555", "azpacr": "1",
        "oid": OID, "rh": "opaque", "roles": ["Orders.Read.All"], "sub": OID,
        "tid": "aaaabbbb-0000-cccc-1111-dddd2222eeee", "uti": "A1aAaA1a", "ver": "2.0",
    }))
}

fn machine_v1() -> Value {
    changed(
        machine_v2(),
        json!({"azp": null, "azpacr": null, "appid": "11112222-bbbb-3333-cccc-4444dddd5555", "appidacr": "2", "ver": "1.0"}),
    )
}

fn user() -> Value {
    changed(
        machine_v2(),
        json!({"scp": "orders:read orders:write", "roles": ["Orders.Approver"], "sub": "pairwise-subject", "name": "Jane"}),
    )
}

fn preset() -> Preset {
    Preset::new(Profile::entra_id(), Some("JWT"))
}

#[test]
fn machine_token_is_accepted_in_both_versions() {
    for claims in [machine_v1(), machine_v2()] {
        let principal = preset().accept(&claims);
        assert_eq!(principal.kind(), PrincipalKind::Machine);
        assert_eq!(
            principal.client_id(),
            Some("11112222-bbbb-3333-cccc-4444dddd5555")
        );
        assert_eq!(principal.credential_id(), Some("A1aAaA1a"));
        assert_eq!(principal.scopes().to_string(), "Orders.Read.All");
    }
    let marked = changed(
        machine_v2(),
        json!({"idtyp": "app", "sub": "something else"}),
    );
    assert_eq!(preset().accept(&marked).kind(), PrincipalKind::Machine);
}

#[test]
fn o1_user_token_has_kind_user_and_unites_scp_and_roles() {
    let principal = preset().accept(&user());
    assert_eq!(principal.kind(), PrincipalKind::User);
    assert_eq!(
        principal.scopes().to_string(),
        "Orders.Approver orders:read orders:write"
    );
    let alike = changed(user(), json!({"sub": OID}));
    assert_eq!(preset().accept(&alike).kind(), PrincipalKind::User);
    let marked = changed(user(), json!({"scp": null, "idtyp": "user"}));
    assert_eq!(preset().accept(&marked).kind(), PrincipalKind::User);
    let neither = changed(user(), json!({"scp": null}));
    assert_eq!(preset().accept(&neither).kind(), PrincipalKind::Unknown);
    let both = changed(user(), json!({"idtyp": "app"}));
    assert_ne!(preset().accept(&both).kind(), PrincipalKind::Machine);
}

#[test]
fn p6_id_token_is_rejected() {
    let id_token = times(json!({
        "aud": AUDIENCE, "nbf": NOW - 10, "name": "Jane Doe", "nonce": "n", "oid": OID, "preferred_username": "jane@example.com",
        "rh": "opaque", "roles": ["Orders.Read.All"], "sub": "pairwise-subject", "tid": "t", "uti": "u", "ver": "2.0",
    }));
    assert_eq!(
        preset().refuse(&id_token),
        VerifyError::MissingClaim("client_id".into())
    );
    let with_azp = changed(id_token, json!({"azp": AUDIENCE}));
    assert!(matches!(
        preset().refuse(&with_azp),
        VerifyError::NotAnAccessToken { .. }
    ));
}

#[test]
fn each_required_claim_is_required() {
    preset().requires(
        &machine_v2(),
        &["iss", "aud", "exp", "iat", "nbf", "sub", "ver", "azp"],
    );
    preset().requires(&machine_v1(), &["appid"]);
}
