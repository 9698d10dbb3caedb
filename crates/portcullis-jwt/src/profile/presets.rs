//! The presets: profiles of known issuers. The guide has the sources and what each preset checks.

use std::str::FromStr;

use super::{AudienceRule, Condition, Profile, names, paths};
use crate::claim_path::ClaimPath;

/// The presets. Their rules are in the guide (`portcullis::guide::issuers`).
impl Profile {
    /// The names of the presets, each that of its function. `rfc9068` is the default.
    pub const NAMES: [&str; 7] = [
        "rfc9068", "auth0", "cognito", "entra_id", "keycloak", "logto", "okta",
    ];

    /// JWT access tokens as RFC 9068 defines them: the default, and the strictest profile.
    ///
    /// A token whose `sub` is its `client_id` is a machine's (§2.2), unless it says how a user authenticated (§2.2.1). If an
    /// issuer puts something else in the `sub` of machines, they count as users and are rejected where a machine is
    /// required; [`kind_rule`](Self::kind_rule) corrects this. An issuer must not let a client choose the `sub` of a user
    /// as its id (§5).
    #[must_use]
    pub fn rfc9068() -> Self {
        Self {
            types: names(["at+jwt"]),
            required: paths(["iss", "aud", "exp", "iat", "sub", "client_id", "jti"]),
            machine_if: vec![vec![
                Condition::is_client("sub"),
                Condition::absent("auth_time"),
                Condition::absent("acr"),
                Condition::absent("amr"),
            ]],
            user_if: vec![vec![Condition::not(Condition::is_client("sub"))]],
            ..Self::empty("rfc9068")
        }
    }

    /// Access tokens of Auth0, in both of its dialects. The issuer ends in a slash: `https://TENANT.auth0.com/`.
    ///
    /// The claim `permissions` is not read, since it can grant more than `scope`. To read it, use
    /// `.role_claims(["permissions"])` or, for scopes without a prefix, `.scope_claims(["permissions"])`.
    #[must_use]
    pub fn auth0() -> Self {
        Self {
            types: names(["JWT", "at+jwt"]),
            required: paths(["iss", "aud", "exp", "iat", "sub", "client_id"]),
            marks: ["nonce", "at_hash", "c_hash"].map(Condition::absent).into(),
            scopes: paths(["scope"]),
            client_id: paths(["azp", "client_id"]),
            machine_if: vec![vec![
                Condition::is_derived_from_client("sub", "", "@clients"),
                Condition::absent_or_equals("gty", "client-credentials"),
            ]],
            user_if: vec![vec![Condition::contains("sub", "|")]],
            ..Self::empty("auth0")
        }
    }

    /// Access tokens of an Amazon Cognito user pool. The issuer is `https://cognito-idp.REGION.amazonaws.com/POOL`.
    ///
    /// Only tokens that are bound to a resource have an `aud`. The app client must be one of the accepted `client_ids`.
    #[must_use]
    pub fn cognito() -> Self {
        Self {
            types: names(["JWT", "at+jwt"]),
            untyped: true,
            required: paths(["iss", "exp", "iat", "sub", "jti", "token_use", "client_id"]),
            marks: vec![Condition::equals("token_use", "access")],
            audience: AudienceRule::ClientId,
            scopes: paths(["scope"]),
            machine_if: vec![vec![
                Condition::is_client("sub"),
                Condition::absent("username"),
            ]],
            user_if: vec![vec![Condition::present("username")]],
            ..Self::empty("cognito")
        }
    }

    /// Access tokens of Microsoft Entra ID. The issuer is `https://login.microsoftonline.com/TENANT/v2.0`, or
    /// `https://sts.windows.net/TENANT/` for tokens of version 1.0. Each tenant is a separate issuer: see
    /// [`TrustedIssuers`](crate::TrustedIssuers).
    ///
    /// A user has a different `sub` for each application, so `sub` equals `oid` only in the token of an application.
    /// Any application of the tenant can get a token without `roles`: require a role, or check the client with
    /// `client_ids`.
    #[must_use]
    pub fn entra_id() -> Self {
        Self {
            types: names(["JWT"]),
            required: paths(["iss", "aud", "exp", "iat", "nbf", "sub", "ver", "client_id"]),
            marks: ["nonce", "at_hash", "c_hash"].map(Condition::absent).into(),
            scopes: paths(["scp", "roles"]),
            unite_scopes: true,
            client_id: paths(["azp", "appid"]),
            token_id: paths(["uti"]),
            machine_if: vec![
                vec![Condition::absent("scp"), Condition::equals("idtyp", "app")],
                vec![
                    Condition::absent("scp"),
                    Condition::absent("idtyp"),
                    Condition::same("sub", "oid"),
                ],
            ],
            user_if: vec![
                vec![Condition::present("scp")],
                vec![Condition::equals("idtyp", "user")],
            ],
            ..Self::empty("entra_id")
        }
    }

    /// Access tokens of Keycloak. The issuer is `https://HOST/realms/REALM`.
    ///
    /// A token has the API in `aud` only if a client scope with an audience mapper, or a role of the API, adds it.
    /// *Lightweight* access tokens are meant for introspection and are rejected.
    ///
    /// Roles that other clients define, including the calling one, are not read, since the administrators of those clients
    /// choose their names. If the API's client id at Keycloak is not its audience, name it with
    /// [`role_claims`](Self::role_claims).
    #[must_use]
    pub fn keycloak() -> Self {
        const PREFIX: &str = "service-account-";
        let account = || Condition::is_derived_from_client("preferred_username", PREFIX, "");
        Self {
            types: names(["JWT", "at+jwt"]),
            // Here `client_id` stands for `azp`, the claim that names the client. In the conditions it is the claim itself.
            required: paths(["iss", "aud", "exp", "iat", "sub", "jti", "typ", "client_id"]),
            marks: vec![Condition::equals("typ", "Bearer")],
            scopes: paths(["scope"]),
            roles: vec![
                ClaimPath::from("realm_access").member("roles"),
                ClaimPath::from("resource_access")
                    .audience_member()
                    .member("roles"),
            ],
            client_id: paths(["azp"]),
            // `clientId` in older releases. Only service accounts have either.
            machine_if: vec![
                vec![account(), Condition::is_client("client_id")],
                vec![account(), Condition::is_client("clientId")],
            ],
            user_if: vec![vec![
                Condition::present("preferred_username"),
                Condition::not(Condition::starts_with("preferred_username", PREFIX)),
                Condition::absent("client_id"),
                Condition::absent("clientId"),
            ]],
            ..Self::empty("keycloak")
        }
    }

    /// Access tokens of Logto for an API resource or an organization, by the rules of [`rfc9068`](Self::rfc9068). The
    /// issuer is `https://TENANT.logto.app/oidc`. An access token requested without a resource is opaque, not a JWT.
    #[must_use]
    pub fn logto() -> Self {
        Self::rfc9068().scope_claims(["scope"]).rename("logto")
    }

    /// Access tokens of an Okta custom authorization server. The issuer is `https://DOMAIN.okta.com/oauth2/SERVER`.
    ///
    /// If the server customizes `sub`, set a [`kind_rule`](Self::kind_rule) that reads `uid` only. Tokens of the *org*
    /// authorization server are meant for Okta and are rejected.
    #[must_use]
    pub fn okta() -> Self {
        let required = [
            "iss",
            "aud",
            "exp",
            "iat",
            "sub",
            "jti",
            "ver",
            "scp",
            "client_id",
        ];
        let absent = ["nonce", "at_hash", "c_hash", "amr"];
        Self {
            types: names(["JWT", "at+jwt"]),
            untyped: true,
            required: paths(required),
            marks: absent.map(Condition::absent).into(),
            scopes: paths(["scp"]),
            client_id: paths(["cid"]),
            machine_if: vec![vec![Condition::absent("uid"), Condition::is_client("sub")]],
            user_if: vec![vec![Condition::present("uid")]],
            ..Self::empty("okta")
        }
    }
}

/// Reads the name of a preset, as in [`Profile::NAMES`]. `strict` is another name for `rfc9068`, and `entra` and
/// `entra-id` are for `entra_id`.
impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Ok(match name {
            "rfc9068" | "strict" => Self::rfc9068(),
            "auth0" => Self::auth0(),
            "cognito" => Self::cognito(),
            "entra_id" | "entra-id" | "entra" => Self::entra_id(),
            "keycloak" => Self::keycloak(),
            "logto" => Self::logto(),
            "okta" => Self::okta(),
            _ => return Err(UnknownProfile),
        })
    }
}

/// The error for an unknown name of a preset. The message lists the presets.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown profile (names are in lower case); expected one of {}", Profile::NAMES.join(", "))]
#[non_exhaustive]
pub struct UnknownProfile;

portcullis_core::debug_as_report!(UnknownProfile);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_is_parsed_from_its_name() {
        for name in Profile::NAMES {
            let profile: Profile = name.parse().expect(name);
            assert_eq!(profile.name(), name);
        }
        for (alias, name) in [
            ("strict", "rfc9068"),
            ("entra", "entra_id"),
            ("entra-id", "entra_id"),
        ] {
            assert_eq!(alias.parse::<Profile>().expect(alias).name(), name);
        }
        for unknown in ["", "Keycloak", "oidc"] {
            let error = unknown.parse::<Profile>().expect_err(unknown);
            assert!(error.to_string().contains("keycloak"), "{error}");
        }
    }
}
