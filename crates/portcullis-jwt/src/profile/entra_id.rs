//! Microsoft Entra ID.

use super::{Condition, KindRule, Profile, names, paths};

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
    /// | access token | it names the client; an ID token does not, and may have `nonce`, `at_hash` or `c_hash` |
    /// | required claims | `iss`, `aud`, `exp`, `iat`, `nbf`, `sub`, `ver` and the client; the token's id is `uti`, and `jti` is absent |
    /// | scopes | `scp`, a space-separated string that only tokens of users have, together with `roles`, an array with the permissions of the application or user |
    /// | machine | no `scp`, and `idtyp` is `app`; or, if the API did not request the optional `idtyp`, `sub` is the `oid` |
    /// | user | `scp` is present, or `idtyp` is `user` |
    ///
    /// A user has a different `sub` for each application, so `sub` equals `oid` only in the token of an application.
    /// Any application of the tenant can get a token without `roles`: require a role, or check the client with
    /// `client_ids`.
    ///
    /// In 2.0 the issuer is `https://login.microsoftonline.com/TENANT/v2.0` and `aud` the API's client id; in 1.0
    /// they are `https://sts.windows.net/TENANT/` and that id or one of the API's URIs. The API's manifest chooses
    /// (`requestedAccessTokenVersion`). Issuers are compared exactly, so each tenant is a separate issuer:
    /// see [`TrustedIssuers`](crate::TrustedIssuers).
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
