//! The profile of RFC 9068, which is the default.

use super::{Condition, KindRule, Profile, paths, types};

impl Profile {
    /// JWT access tokens as RFC 9068 defines them: the default, and the strictest profile.
    ///
    /// | | |
    /// |---|---|
    /// | access token | `typ` is `at+jwt` (§2.1), which no ID token's, client assertion's or DPoP proof's is |
    /// | required claims | `iss`, `exp`, `aud`, `sub`, `client_id`, `iat`, `jti` (§2.2) |
    /// | scopes | `scope` (§2.2.3); an issuer that has none may use `scp`, as a string or an array |
    /// | machine | `sub` is the `client_id`, and none of `auth_time`, `acr`, `amr` is there |
    /// | user | `sub` is something else |
    ///
    /// By §2.2 the `sub` of a client-credentials token *should* be an identifier of the client, and by §2.2.1 the
    /// three authentication claims are there only where a user took part. An issuer that names its clients otherwise
    /// in `sub` has its machines taken for users, which refuses too much, not too little:
    /// [`with_kind_rule`](Self::with_kind_rule) corrects it. An issuer must keep clients from choosing an id that is a
    /// user's `sub` (§5).
    #[must_use]
    pub fn rfc9068() -> Self {
        Self {
            types: types(["at+jwt"]),
            required: paths(["iss", "aud", "exp", "iat", "sub", "client_id", "jti"]),
            kind: KindRule::new()
                .machine_if([
                    Condition::is_client("sub"),
                    Condition::absent("auth_time"),
                    Condition::absent("acr"),
                    Condition::absent("amr"),
                ])
                .user_if([Condition::not(Condition::is_client("sub"))]),
            ..Self::empty("rfc9068")
        }
    }
}
