//! Each preset against the token shapes that its issuer documents: a machine's access token, a user's, an ID token.

mod support;

use portcullis_core::{Principal, PrincipalKind};
use portcullis_jwt::{JwtVerifier, Profile, TokenError};
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

    fn judge(&self, claims: &Value) -> Result<Principal, TokenError> {
        judge(&self.verifier, &signer().token(self.typ, claims))
    }

    fn accept(&self, claims: &Value) -> Principal {
        self.judge(claims)
            .unwrap_or_else(|error| panic!("{claims}: {error}"))
    }

    fn refuse(&self, claims: &Value) -> TokenError {
        self.judge(claims).expect_err(&claims.to_string())
    }

    /// Checks that each of these claims is required.
    fn requires(&self, claims: &Value, names: &[&str]) {
        for name in names {
            let error = self.refuse(&changed(claims.clone(), json!({*name: null})));
            assert!(
                matches!(
                    error,
                    TokenError::MissingClaim(_)
                        | TokenError::NotAnAccessToken { .. }
                        | TokenError::ClientId { .. }
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

mod auth0 {
    use super::*;

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
    fn a_machines_token_is_accepted_in_both_dialects() {
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
    fn o1_a_users_token_is_a_users() {
        let preset = Preset::new(Profile::auth0(), Some("JWT"));
        assert_eq!(preset.accept(&user()).kind(), PrincipalKind::User);
        let of_another_client = changed(machine(), json!({"azp": "other"}));
        assert_eq!(
            preset.accept(&of_another_client).kind(),
            PrincipalKind::User
        );
        let by_password = changed(machine(), json!({"gty": "password"}));
        assert_eq!(preset.accept(&by_password).kind(), PrincipalKind::Unknown);
    }

    #[test]
    fn p6_an_id_token_is_refused() {
        let preset = Preset::new(Profile::auth0(), Some("JWT"));
        let id_token = times(json!({
            "sub": "auth0|123456", "aud": "my_client_id", "name": "Jane Doe", "nonce": "n-0S6", "sid": "s",
        }));
        assert!(matches!(
            preset.refuse(&id_token),
            TokenError::Audience { .. }
        ));
        // Even where the API and the application have one name.
        let same_name = changed(id_token, json!({"aud": AUDIENCE}));
        assert_eq!(
            preset.refuse(&same_name),
            TokenError::MissingClaim("client_id".into())
        );
        let with_azp = changed(same_name, json!({"azp": AUDIENCE}));
        assert!(matches!(
            preset.refuse(&with_azp),
            TokenError::NotAnAccessToken { .. }
        ));
    }

    #[test]
    fn what_is_required_is_required() {
        Preset::new(Profile::auth0(), Some("JWT"))
            .requires(&machine(), &["iss", "sub", "aud", "exp", "iat", "azp"]);
    }
}

mod entra_id {
    use super::*;

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
    fn a_machines_token_is_accepted_in_both_versions() {
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
    fn o1_a_users_token_is_a_users_and_unites_scp_and_roles() {
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
    fn p6_an_id_token_is_refused() {
        let id_token = times(json!({
            "aud": AUDIENCE, "nbf": NOW - 10, "name": "Jane Doe", "nonce": "n", "oid": OID, "preferred_username": "jane@example.com",
            "rh": "opaque", "roles": ["Orders.Read.All"], "sub": "pairwise-subject", "tid": "t", "uti": "u", "ver": "2.0",
        }));
        assert_eq!(
            preset().refuse(&id_token),
            TokenError::MissingClaim("client_id".into())
        );
        let with_azp = changed(id_token, json!({"azp": AUDIENCE}));
        assert!(matches!(
            preset().refuse(&with_azp),
            TokenError::NotAnAccessToken { .. }
        ));
    }

    #[test]
    fn what_is_required_is_required() {
        preset().requires(
            &machine_v2(),
            &["iss", "aud", "exp", "iat", "nbf", "sub", "ver", "azp"],
        );
        preset().requires(&machine_v1(), &["appid"]);
    }
}

mod keycloak {
    use super::*;

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
    fn a_service_accounts_token_is_accepted() {
        let principal = preset().accept(&machine());
        assert_eq!(principal.kind(), PrincipalKind::Machine);
        assert_eq!(principal.client_id(), Some("Crawler"));
        assert_eq!(
            principal.subject(),
            Some("1f4db6ad-5e75-479c-b289-b8096ec1f4f4")
        );
        assert_eq!(principal.scopes().to_string(), "email orders:read profile");
        let older = changed(machine(), json!({"client_id": null, "clientId": "Crawler"}));
        assert_eq!(preset().accept(&older).kind(), PrincipalKind::Machine);
        assert!(
            Preset::new(Profile::keycloak(), Some("at+jwt"))
                .judge(&machine())
                .is_ok()
        );
    }

    #[test]
    fn o1_a_user_is_no_service_account_whatever_the_name() {
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
    fn p6_an_id_token_or_refresh_token_is_refused() {
        let id_token = changed(
            user(),
            json!({"typ": "ID", "aud": AUDIENCE, "azp": AUDIENCE, "at_hash": "h", "scope": null}),
        );
        assert!(matches!(
            preset().refuse(&id_token),
            TokenError::NotAnAccessToken { .. }
        ));
        for typ in ["Refresh", "Offline", "Logout", "bearer", "Serialized-ID"] {
            let other = changed(user(), json!({"typ": typ}));
            assert!(
                matches!(preset().refuse(&other), TokenError::NotAnAccessToken { .. }),
                "{typ}"
            );
        }
    }

    #[test]
    fn what_is_required_is_required() {
        preset().requires(
            &machine(),
            &["iss", "aud", "exp", "iat", "sub", "jti", "typ", "azp"],
        );
    }

    #[test]
    fn a_token_for_no_api_in_particular_is_refused() {
        let plain = changed(machine(), json!({"aud": "account"}));
        assert!(matches!(
            preset().refuse(&plain),
            TokenError::Audience { .. }
        ));
    }
}

mod cognito {
    use super::*;

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
        let verifier = JwtVerifier::of(&support::issuer())
            .client_ids([CLIENT])
            .algorithms([portcullis_jwt::Algorithm::EdDSA])
            .profile(Profile::cognito());
        Preset {
            verifier: verifier.build().expect("a verifier"),
            typ: None,
        }
    }

    #[test]
    fn a_machines_token_is_accepted_by_its_client() {
        let principal = preset().accept(&machine());
        assert_eq!(principal.kind(), PrincipalKind::Machine);
        assert_eq!(
            (principal.client_id(), principal.subject()),
            (Some(CLIENT), Some(CLIENT))
        );
        assert_eq!(principal.scopes().to_string(), "orders/read orders/write");
    }

    #[test]
    fn o1_a_users_token_is_a_users() {
        assert_eq!(preset().accept(&user()).kind(), PrincipalKind::User);
        let nameless = changed(user(), json!({"username": null}));
        assert_eq!(preset().accept(&nameless).kind(), PrincipalKind::Unknown);
        let disguised = changed(machine(), json!({"username": "jane"}));
        assert_eq!(preset().accept(&disguised).kind(), PrincipalKind::User);
    }

    #[test]
    fn the_client_stands_in_for_the_audience() {
        for client in ["1EXAMPLE23456789", "1example2345678", "1example23456789x"] {
            let other = changed(machine(), json!({"client_id": client}));
            assert!(
                matches!(preset().refuse(&other), TokenError::ClientId { .. }),
                "{client}"
            );
        }
    }

    #[test]
    fn p4_an_aud_that_is_there_must_be_ours() {
        let bound = changed(machine(), json!({"aud": AUDIENCE}));
        assert!(matches!(
            preset().refuse(&bound),
            TokenError::Audience { .. }
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
            Err(TokenError::Audience { .. })
        ));
    }

    #[test]
    fn p6_an_id_token_is_refused() {
        let id_token = times(json!({
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["testgroup"], "email_verified": true,
            "cognito:username": "my-test-user", "nonce": "n", "origin_jti": "o", "aud": CLIENT, "event_id": "e", "token_use": "id",
            "auth_time": NOW - 10, "jti": "j", "email": "jane@example.com",
        }));
        assert!(matches!(
            preset().refuse(&id_token),
            TokenError::Audience { .. }
        ));
        let best_disguise = changed(id_token, json!({"aud": null, "client_id": CLIENT}));
        assert!(matches!(
            preset().refuse(&best_disguise),
            TokenError::NotAnAccessToken { .. }
        ));
    }

    #[test]
    fn what_is_required_is_required() {
        preset().requires(
            &machine(),
            &["iss", "exp", "iat", "sub", "jti", "token_use", "client_id"],
        );
    }
}

mod okta {
    use super::*;

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
    fn a_machines_token_is_accepted() {
        let principal = preset().accept(&machine());
        assert_eq!(principal.kind(), PrincipalKind::Machine);
        assert_eq!(principal.client_id(), Some("nmdP1fcyvdVO11AL7ECm"));
        assert_eq!(principal.scopes().to_string(), "orders:read orders:write");
    }

    #[test]
    fn o1_a_users_token_is_a_users() {
        assert_eq!(preset().accept(&user()).kind(), PrincipalKind::User);
        let mapped = changed(user(), json!({"sub": "nmdP1fcyvdVO11AL7ECm"}));
        assert_eq!(
            preset().accept(&mapped).kind(),
            PrincipalKind::User,
            "a customised `sub` makes no machine"
        );
        let customised = changed(machine(), json!({"sub": "crawler"}));
        assert_eq!(preset().accept(&customised).kind(), PrincipalKind::Unknown);
    }

    #[test]
    fn p6_an_id_token_is_refused() {
        let id_token = times(json!({
            "ver": 1, "sub": "00uid4BxXw6I6TV4m0g3", "aud": "uAaunofWkaDJxukCFeBx", "amr": ["pwd"], "jti": "ID.4eAWJOCMB3SX8XewDfVR",
            "auth_time": NOW - 10, "at_hash": "cpqKfdQA5eH891Ff5oJr_Q", "name": "John Doe",
        }));
        assert!(matches!(
            preset().refuse(&id_token),
            TokenError::Audience { .. }
        ));
        let same_name = changed(id_token, json!({"aud": AUDIENCE}));
        assert!(matches!(
            preset().refuse(&same_name),
            TokenError::MissingClaim(_)
        ));
        let best_disguise = changed(same_name, json!({"cid": AUDIENCE, "scp": ["orders:read"]}));
        assert!(matches!(
            preset().refuse(&best_disguise),
            TokenError::NotAnAccessToken { .. }
        ));
    }

    #[test]
    fn the_org_servers_tokens_are_refused() {
        let internal = Preset::new(Profile::okta(), Some("application/okta-internal-at+jwt"));
        assert!(matches!(
            internal.refuse(&machine()),
            TokenError::Type { .. }
        ));
    }

    #[test]
    fn what_is_required_is_required() {
        preset().requires(
            &machine(),
            &[
                "iss", "aud", "exp", "iat", "sub", "jti", "ver", "cid", "scp",
            ],
        );
    }
}

mod logto {
    use super::*;

    fn machine() -> Value {
        times(json!({
            "jti": "j", "sub": "sx4gcoqzrgdgx7xhr9k1z", "client_id": "sx4gcoqzrgdgx7xhr9k1z", "aud": AUDIENCE, "scope": "orders:read",
        }))
    }

    fn preset() -> Preset {
        Preset::new(Profile::logto(), Some("at+jwt"))
    }

    #[test]
    fn a_machines_token_is_accepted() {
        let principal = preset().accept(&machine());
        assert_eq!(principal.kind(), PrincipalKind::Machine);
        assert_eq!(principal.scopes().to_string(), "orders:read");
        let without_scope = preset().accept(&changed(machine(), json!({"scope": null})));
        assert!(without_scope.scopes().is_empty());
    }

    #[test]
    fn an_organization_is_an_audience() {
        let verifier = verifier(Profile::logto())
            .audience("urn:logto:organization:acme")
            .build()
            .expect("a verifier");
        let token = changed(machine(), json!({"aud": "urn:logto:organization:acme"}));
        assert!(judge(&verifier, &signer().access_token(&token)).is_ok());
        let other = changed(machine(), json!({"aud": "urn:logto:organization:acme2"}));
        assert!(matches!(
            judge(&verifier, &signer().access_token(&other)),
            Err(TokenError::Audience { .. })
        ));
    }

    #[test]
    fn o1_a_users_token_is_a_users() {
        assert_eq!(
            preset()
                .accept(&changed(machine(), json!({"sub": "user123"})))
                .kind(),
            PrincipalKind::User
        );
    }

    #[test]
    fn p6_an_id_token_is_refused() {
        let id_token = times(json!({"sub": "user123", "aud": AUDIENCE, "at_hash": "h"}));
        let as_sent = judge(&preset().verifier, &signer().token(Some("JWT"), &id_token));
        assert!(matches!(as_sent, Err(TokenError::Type { .. })));
    }

    #[test]
    fn what_is_required_is_required() {
        preset().requires(
            &machine(),
            &["iss", "aud", "exp", "iat", "sub", "client_id", "jti"],
        );
    }
}

#[test]
fn no_preset_accepts_anothers_machine_as_its_own_type_of_token() {
    // A client assertion (RFC 7523) or a DPoP proof signed by the same key is no access token anywhere.
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
