//! The profile of RFC 9068, which is the default.

use super::{Condition, KindRule, Profile, names, paths};

impl Profile {
    /// JWT access tokens as RFC 9068 defines them: the default, and the strictest profile.
    ///
    /// | | |
    /// |---|---|
    /// | access token | `typ` is `at+jwt` (§2.1), unlike that of ID tokens, client assertions and DPoP proofs |
    /// | required claims | `iss`, `exp`, `aud`, `sub`, `client_id`, `iat`, `jti` (§2.2) |
    /// | scopes | `scope` (§2.2.3); an issuer without it may use `scp`, as a string or an array |
    /// | machine | `sub` is the `client_id`, and `auth_time`, `acr` and `amr` are absent |
    /// | user | `sub` is something else |
    ///
    /// By §2.2 the `sub` of a client-credentials token *should* be an identifier of the client, and by §2.2.1 the
    /// three authentication claims are present only if a user took part. If an issuer puts something else in the `sub`
    /// of machines, they count as users and are rejected where a machine is required;
    /// [`kind_rule`](Self::kind_rule) corrects this. An issuer must not let a client choose the `sub` of a user
    /// as its id (§5).
    #[must_use]
    pub fn rfc9068() -> Self {
        Self {
            types: names(["at+jwt"]),
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
