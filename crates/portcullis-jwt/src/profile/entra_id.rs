//! Microsoft Entra ID.

use super::{Condition, KindRule, Profile, ScopeRule, paths, types};

impl Profile {
    /// Access tokens of Microsoft Entra ID, versions 1.0 and 2.0.
    ///
    /// From *Access token claims reference*, *ID token claims reference* and *Optional claims reference*
    /// (learn.microsoft.com/entra/identity-platform/access-token-claims-reference and beside it):
    ///
    /// | | |
    /// |---|---|
    /// | header | `typ` is always `JWT`, in ID tokens too |
    /// | client | `azp` in version 2.0, `appid` in 1.0; `ver` says which it is |
    /// | access token | it names the client, which an ID token does not; an ID token may have `nonce`, `at_hash` or `c_hash` |
    /// | required claims | `iss`, `aud`, `exp`, `iat`, `nbf`, `sub`, `ver` and the client; the token's id is `uti`, there is no `jti` |
    /// | scopes | `scp`, a space-separated string that only users' tokens have, together with `roles`, an array with the permissions given to the application or user |
    /// | machine | no `scp`, and `idtyp` is `app`; or, where the API did not ask for the optional `idtyp`, `sub` is the `oid` |
    /// | user | `scp` is there, or `idtyp` is `user` |
    ///
    /// A user's `sub` is made for each application, so it is the same as `oid` only in an application's own token.
    /// Since any application of the tenant can get a token without `roles`, hold routes to a role or check the client
    /// with `client_ids`.
    ///
    /// In 2.0 the issuer is `https://login.microsoftonline.com/TENANT/v2.0` and `aud` the API's client id; in 1.0
    /// they are `https://sts.windows.net/TENANT/` and that id or one of the API's URIs. The API's manifest chooses
    /// (`requestedAccessTokenVersion`). Issuers are compared exactly, so each tenant is an issuer of its own:
    /// see [`TrustedIssuers`](crate::TrustedIssuers).
    #[must_use]
    pub fn entra_id() -> Self {
        Self {
            types: types(["JWT"]),
            required: paths(["iss", "aud", "exp", "iat", "nbf", "sub", "ver", "client_id"]),
            marks: ["nonce", "at_hash", "c_hash"].map(Condition::absent).into(),
            scopes: ScopeRule::All(paths(["scp", "roles"])),
            client_id: paths(["azp", "appid"]),
            token_id: paths(["uti"]),
            kind: KindRule::new()
                .machine_if([Condition::absent("scp"), Condition::equals("idtyp", "app")])
                .machine_if([
                    Condition::absent("scp"),
                    Condition::absent("idtyp"),
                    Condition::same("sub", "oid"),
                ])
                .user_if([Condition::present("scp")])
                .user_if([Condition::equals("idtyp", "user")]),
            ..Self::empty("entra_id")
        }
    }
}
