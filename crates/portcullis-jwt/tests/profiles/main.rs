//! Each preset against the token shapes that its issuer documents: a machine's access token, a user's, an ID token.

mod auth0;
mod cognito;
mod entra_id;
mod keycloak;
mod kinds;
mod logto;
mod okta;
#[path = "../support/mod.rs"]
mod support;

use portcullis_core::Principal;
use portcullis_jwt::{JwtVerifier, Profile, VerifyError};
use serde_json::{Value, json};
use support::{AUDIENCE, ISSUER, NOW, changed, judge, signer, verifier};

/// An issuer's documented tokens, all signed by the same key.
struct Preset {
    verifier: JwtVerifier,
    typ: Option<&'static str>,
}

impl Preset {
    fn new(profile: Profile, typ: Option<&'static str>) -> Self {
        Self {
            verifier: verifier(profile).build().expect("a verifier"),
            typ,
        }
    }

    fn judge(&self, claims: &Value) -> Result<Principal, VerifyError> {
        judge(&self.verifier, &signer().token(self.typ, claims))
    }

    fn accept(&self, claims: &Value) -> Principal {
        self.judge(claims)
            .unwrap_or_else(|error| panic!("{claims}: {error}"))
    }

    fn refuse(&self, claims: &Value) -> VerifyError {
        self.judge(claims).expect_err(&claims.to_string())
    }

    /// Checks that each of these claims is required.
    fn requires(&self, claims: &Value, names: &[&str]) {
        for name in names {
            let error = self.refuse(&changed(claims.clone(), json!({*name: null})));
            assert!(
                matches!(
                    error,
                    VerifyError::MissingClaim(_)
                        | VerifyError::NotAnAccessToken { .. }
                        | VerifyError::ClientId { .. }
                ),
                "{name}: {error}"
            );
        }
    }
}

fn times(mut claims: Value) -> Value {
    claims["iss"] = ISSUER.into();
    claims["iat"] = (NOW - 10).into();
    claims["exp"] = (NOW + 3_590).into();
    claims
}

#[test]
fn client_assertion_is_rejected_by_every_preset() {
    // A client assertion (RFC 7523) or a DPoP proof signed by the same key is not an access token for any preset.
    let assertion = times(json!({"sub": "billing", "aud": AUDIENCE, "jti": "j"}));
    for profile in [
        Profile::rfc9068(),
        Profile::auth0(),
        Profile::entra_id(),
        Profile::keycloak(),
        Profile::okta(),
        Profile::logto(),
    ] {
        let name = profile.name().to_owned();
        let verifier = verifier(profile).build().expect("a verifier");
        for typ in [
            None,
            Some("JWT"),
            Some("dpop+jwt"),
            Some("client-authentication+jwt"),
            Some("at+jwt"),
        ] {
            assert!(
                judge(&verifier, &signer().token(typ, &assertion)).is_err(),
                "{name} {typ:?}"
            );
        }
    }
}
