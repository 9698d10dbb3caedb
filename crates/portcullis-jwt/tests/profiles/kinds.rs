//! Client-credentials tokens of issuers that have no preset, under the presets that accept them.

use portcullis_core::PrincipalKind;
use portcullis_jwt::{JwtVerifier, Profile};
use serde_json::{Value, json};

use crate::{support::*, times};

/// Machine tokens in the form of each server.
fn machines() -> [(&'static str, Value); 6] {
    [
        (
            "LemonLDAP::NG",
            json!({
                "aud": ["billing", AUDIENCE], "client_id": "billing", "jti": "j", "scope": "orders:read", "sub": "billing",
            }),
        ),
        (
            "UAA",
            json!({
                "aud": ["orders", AUDIENCE], "authorities": ["orders.read"], "azp": "billing", "cid": "billing",
                "client_id": "billing", "grant_type": "client_credentials", "jti": "j", "rev_sig": "r",
                "scope": ["orders.read"], "sub": "billing", "zid": "uaa",
            }),
        ),
        (
            "Zitadel",
            json!({
                "aud": [AUDIENCE], "client_id": "billing", "jti": "j", "nbf": NOW - 10, "sub": "312909075212468632",
                "urn:zitadel:iam:org:project:roles": {"clerk": {"1": "acme.example.com"}},
            }),
        ),
        (
            "Ory Hydra",
            json!({
                "aud": [AUDIENCE], "client_id": "billing", "ext": {}, "jti": "j", "nbf": NOW - 10, "scp": ["orders:read"],
                "sub": "billing",
            }),
        ),
        (
            "Google",
            json!({
                "aud": AUDIENCE, "azp": "103547991597142817347", "email": "billing@acme.iam.gserviceaccount.com",
                "email_verified": true, "sub": "103547991597142817347",
            }),
        ),
        (
            "Keycloak",
            json!({
                "aud": AUDIENCE, "azp": "billing", "client_id": "billing", "jti": "j", "typ": "Bearer",
                "preferred_username": "service-account-billing", "sub": "1f4db6ad-5e75-479c-b289-b8096ec1f4f4",
            }),
        ),
    ]
}

#[test]
fn o1_machine_of_another_issuer_never_has_kind_user() {
    let mut accepted = 0;
    for name in Profile::NAMES
        .into_iter()
        .filter(|name| *name != "rfc9068" && *name != "logto")
    {
        let profile: Profile = name.parse().expect(name);
        let verifier: JwtVerifier = verifier(profile)
            .client_ids(["billing", "103547991597142817347"])
            .build()
            .expect(name);
        for (issuer, claims) in machines() {
            for typ in [Some("JWT"), Some("at+jwt"), None] {
                if let Ok(principal) =
                    judge(&verifier, &signer().token(typ, &times(claims.clone())))
                {
                    assert_ne!(principal.kind(), PrincipalKind::User, "{name}: {issuer}");
                    accepted += 1;
                }
            }
        }
    }
    // Auth0's preset has the fewest conditions and accepts all of these.
    assert!(accepted >= 12, "{accepted}");
}
