//! Okta.

use super::{Condition, KindRule, Profile, names, paths};

impl Profile {
    /// Access tokens of an Okta custom authorization server.
    ///
    /// From *OpenID Connect & OAuth 2.0 API*, "Access token" and "ID token" (developer.okta.com/docs/reference/api/oidc):
    ///
    /// | | |
    /// |---|---|
    /// | header | `alg` and `kid`; a `typ` is not documented |
    /// | access token | `cid`, the client, and `scp`; an ID token has neither, its `aud` is the client, and it has `at_hash`, `nonce` or `amr` |
    /// | required claims | `ver`, `jti`, `iss`, `aud`, `sub`, `iat`, `exp`, `cid`, `scp` |
    /// | scopes | `scp`, an array |
    /// | machine | `uid` is absent, and `sub` is the `cid` |
    /// | user | `uid` is present: it is not included "if there is no user bound" to the token |
    ///
    /// If the server customizes `sub`, set a [`KindRule`] that reads `uid` only. Tokens of the *org* authorization
    /// server are meant for Okta, and their form may change; they have another `typ` and are rejected.
    ///
    /// The issuer is `https://DOMAIN.okta.com/oauth2/SERVER`, such as `…/oauth2/default`.
    #[must_use]
    pub fn okta() -> Self {
        Self {
            types: names(["JWT", "at+jwt"]),
            untyped: true,
            required: paths([
                "iss",
                "aud",
                "exp",
                "iat",
                "sub",
                "jti",
                "ver",
                "scp",
                "client_id",
            ]),
            marks: ["nonce", "at_hash", "c_hash", "amr"]
                .map(Condition::absent)
                .into(),
            scopes: paths(["scp"]),
            client_id: paths(["cid"]),
            kind: KindRule::new()
                .machine_if([Condition::absent("uid"), Condition::is_client("sub")])
                .user_if([Condition::present("uid")]),
            ..Self::empty("okta")
        }
    }
}
