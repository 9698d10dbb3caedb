//! Keycloak.

use super::{Condition, KindRule, Profile, names, paths};
use crate::claim_path::ClaimPath;

impl Profile {
    /// Access tokens of Keycloak.
    ///
    /// From the *Server Administration Guide*, "Using a service account" and "Client scopes"
    /// (keycloak.org/docs/latest/server_admin), and the sources it describes (`TokenUtil`,
    /// `ServiceAccountConstants`):
    ///
    /// | | |
    /// |---|---|
    /// | header | `typ` is `JWT`, or `at+jwt` if the client is configured so |
    /// | access token | the *claim* `typ` is `Bearer`; it is `ID`, `Refresh`, `Offline`, `Logout` in other tokens |
    /// | client | `azp` |
    /// | required claims | `iss`, `aud`, `exp`, `iat`, `sub`, `jti`, `typ`, `azp` |
    /// | scopes | `scope`, a space-separated string |
    /// | roles | `realm_access.roles`, and `resource_access.{audience}.roles` of the accepted audience that `aud` names; each is granted as `role:NAME` |
    /// | machine | `preferred_username` is `service-account-` and the client's id, and the claim `client_id` (`clientId` in older releases), which only service accounts have, is the `azp` |
    /// | user | neither claim is present, and `preferred_username` does not start with `service-account-` |
    ///
    /// A token has the API in `aud` only if a client scope with an audience mapper, or a role of the API, adds it.
    /// Without it, `aud` is `account` or absent, and the token is rejected. *Lightweight* access tokens lack most of
    /// these claims; they are meant for introspection and are rejected.
    ///
    /// The role `admin` grants `role:admin`, not the scope `admin`. Roles that other clients define, including the
    /// calling one, are not read, since the administrators of those clients choose their names. If the API's client id
    /// at Keycloak is not its audience, name it:
    ///
    /// ```
    /// use portcullis_jwt::{ClaimPath, Profile};
    ///
    /// let profile = Profile::keycloak().role_claims([
    ///     ClaimPath::from("realm_access").member("roles"),
    ///     ClaimPath::from("resource_access").member("orders-api").member("roles"),
    /// ]);
    /// ```
    #[must_use]
    pub fn keycloak() -> Self {
        let account = || Condition::is_client_between("service-account-", "preferred_username", "");
        Self {
            types: names(["JWT", "at+jwt"]),
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
            kind: KindRule::new()
                .machine_if([account(), Condition::is_client("client_id")])
                .machine_if([account(), Condition::is_client("clientId")])
                .user_if([
                    Condition::present("preferred_username"),
                    Condition::not(Condition::starts_with(
                        "preferred_username",
                        "service-account-",
                    )),
                    Condition::absent("client_id"),
                    Condition::absent("clientId"),
                ]),
            ..Self::empty("keycloak")
        }
    }
}
