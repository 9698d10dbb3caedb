//! Keycloak.

use super::{Condition, KindRule, Profile, ScopeRule, names, types};

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
    /// | scopes | `scope`, a space-separated string; roles are not scopes |
    /// | machine | `preferred_username` is `service-account-` and the client's id, and the claim `client_id` (`clientId` in older releases), which only service accounts are given, is the `azp` |
    /// | user | neither claim is there, and `preferred_username` does not begin so |
    ///
    /// A token has the API in its `aud` only where a client scope with an audience mapper, or a role of the API, puts
    /// it there; without, it names `account` or nothing and is refused. *Lightweight* access tokens lack most of
    /// these claims: they are meant for introspection, and are refused.
    #[must_use]
    pub fn keycloak() -> Self {
        let account = || Condition::is_client_between("service-account-", "preferred_username", "");
        Self {
            types: types(["JWT", "at+jwt"]),
            required: names(["iss", "aud", "exp", "iat", "sub", "jti", "typ", "client_id"]),
            marks: vec![Condition::equals("typ", "Bearer")],
            scopes: ScopeRule::First(names(["scope"])),
            client_id: names(["azp"]),
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
