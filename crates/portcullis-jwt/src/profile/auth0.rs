//! Auth0.

use super::{Condition, KindRule, Profile, names, paths};

impl Profile {
    /// Access tokens of Auth0, in both of its dialects.
    ///
    /// From *Access Token Profiles* (auth0.com/docs/secure/tokens/access-tokens/access-token-profiles) and *ID Token
    /// Structure* (auth0.com/docs/secure/tokens/id-tokens/id-token-structure):
    ///
    /// | | |
    /// |---|---|
    /// | header | `typ` is `JWT` in the Auth0 dialect, which is the default, and `at+jwt` in the RFC 9068 dialect |
    /// | client | `azp` in the Auth0 dialect, `client_id` in the other |
    /// | access token | it names the client; an ID token has the client in `aud`, no `azp`, and may have `nonce`, `at_hash` or `c_hash` |
    /// | required claims | `iss`, `sub`, `aud`, `exp`, `iat` and the client; `jti` exists in the RFC 9068 dialect only |
    /// | scopes | `scope`, a space-separated string |
    /// | machine | `sub` is the client's id and `@clients`; `gty`, if present, is `client-credentials` |
    /// | user | `sub` is a connection's name, `|` and an id, such as `auth0|6553da60` |
    ///
    /// With RBAC a token may also have `permissions`, an array of everything that the API lets the user do, whatever the
    /// application requested. It is not read, since it can grant more than `scope`. To read it, use
    /// `.role_claims(["permissions"])` or, for scopes without a prefix, `.scope_claims(["permissions"])`.
    ///
    /// The issuer ends in a slash: `https://TENANT.auth0.com/`.
    #[must_use]
    pub fn auth0() -> Self {
        Self {
            types: names(["JWT", "at+jwt"]),
            required: paths(["iss", "aud", "exp", "iat", "sub", "client_id"]),
            marks: ["nonce", "at_hash", "c_hash"].map(Condition::absent).into(),
            scopes: paths(["scope"]),
            client_id: paths(["azp", "client_id"]),
            kind: KindRule::new()
                .machine_if([
                    Condition::is_client_between("", "sub", "@clients"),
                    Condition::absent_or_equals("gty", "client-credentials"),
                ])
                .user_if([Condition::contains("sub", "|")]),
            ..Self::empty("auth0")
        }
    }
}
