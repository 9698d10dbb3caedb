//! Keycloak.

use super::{Condition, KindRule, Profile, ScopeRule, paths, types};
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
    /// | header | `typ` is `JWT`, or `at+jwt` where the client is set to use it |
    /// | access token | the *claim* `typ` is `Bearer`; it is `ID`, `Refresh`, `Offline`, `Logout` in other tokens |
    /// | client | `azp` |
    /// | required claims | `iss`, `aud`, `exp`, `iat`, `sub`, `jti`, `typ`, `azp` |
    /// | scopes | `scope`, a space-separated string |
    /// | roles | `realm_access.roles`, and `resource_access.{audience}.roles` of the accepted audience that `aud` names; each is granted as `role:NAME` |
    /// | machine | `preferred_username` is `service-account-` and the client's id, and the claim `client_id` (`clientId` in older releases), which only service accounts are given, is the `azp` |
    /// | user | neither claim is there, and `preferred_username` does not begin so |
    ///
    /// A token has the API in its `aud` only where a client scope with an audience mapper, or a role of the API, puts
    /// it there; without, it names `account` or nothing and is refused. *Lightweight* access tokens lack most of
    /// these claims: they are meant for introspection, and are refused.
    ///
    /// Roles are never taken for scopes: `admin` among the roles grants `role:admin`, not `admin`. The roles that other
    /// clients define, the calling one included, are not read, since whoever administers those clients chooses their
    /// names. Where the API's client id at Keycloak is not its audience, name it:
    ///
    /// ```
    /// use portcullis_jwt::{ClaimPath, Profile};
    ///
    /// let profile = Profile::keycloak().with_role_claims([
    ///     ClaimPath::from("realm_access").member("roles"),
    ///     ClaimPath::from("resource_access").member("orders-api").member("roles"),
    /// ]);
    /// ```
    #[must_use]
    pub fn keycloak() -> Self {
        let account = || Condition::is_client_between("service-account-", "preferred_username", "");
        Self {
            types: types(["JWT", "at+jwt"]),
            required: paths(["iss", "aud", "exp", "iat", "sub", "jti", "typ", "client_id"]),
            marks: vec![Condition::equals("typ", "Bearer")],
            scopes: ScopeRule::First(paths(["scope"])),
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
