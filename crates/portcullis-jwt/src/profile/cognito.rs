//! Amazon Cognito.

use super::{AudienceRule, Condition, KindRule, Profile, names, paths};

impl Profile {
    /// Access tokens of an Amazon Cognito user pool.
    ///
    /// From *Understanding the access token* and *Understanding the identity (ID) token*
    /// (docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html):
    ///
    /// | | |
    /// |---|---|
    /// | header | `kid` and `alg`, no `typ` |
    /// | access token | `token_use` is `access`; in an ID token it is `id` |
    /// | client | `client_id`; an ID token has it in `aud` instead |
    /// | audience | no `aud`: the app client must be one of the accepted `client_ids`. A token that is bound to a resource has an `aud`, which must be accepted as well |
    /// | required claims | `iss`, `exp`, `iat`, `sub`, `jti`, `token_use`, `client_id` |
    /// | scopes | `scope`, a space-separated string; custom scopes are `RESOURCE_SERVER/SCOPE` |
    /// | machine | `sub` is the `client_id`, and `username` is absent |
    /// | user | `username` is present |
    ///
    /// The issuer is `https://cognito-idp.REGION.amazonaws.com/POOL`.
    #[must_use]
    pub fn cognito() -> Self {
        Self {
            types: names(["JWT", "at+jwt"]),
            untyped: true,
            required: paths(["iss", "exp", "iat", "sub", "jti", "token_use", "client_id"]),
            marks: vec![Condition::equals("token_use", "access")],
            audience: AudienceRule::ClientId,
            scopes: paths(["scope"]),
            kind: KindRule::new()
                .machine_if([Condition::is_client("sub"), Condition::absent("username")])
                .user_if([Condition::present("username")]),
            ..Self::empty("cognito")
        }
    }
}
