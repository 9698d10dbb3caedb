//! Okta.

use super::{Condition, KindRule, Profile, ScopeRule, paths, types};

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
    /// | machine | no `uid`, and `sub` is the `cid` |
    /// | user | `uid` is there: it is not included "if there is no user bound" to the token |
    ///
    /// Where the server's `sub` is customised, set a [`KindRule`] that looks at `uid` alone. Tokens of the *org*
    /// authorization server are meant for Okta itself and their form may change; they have a `typ` of their own and
    /// are refused.
    ///
    /// The issuer is `https://DOMAIN.okta.com/oauth2/SERVER`, such as `…/oauth2/default`.
    #[must_use]
    pub fn okta() -> Self {
        Self {
            types: types(["JWT", "at+jwt"]),
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
            scopes: ScopeRule::First(paths(["scp"])),
            client_id: paths(["cid"]),
            kind: KindRule::new()
                .machine_if([Condition::absent("uid"), Condition::is_client("sub")])
                .user_if([Condition::present("uid")]),
            ..Self::empty("okta")
        }
    }
}
