//! Logto.

use super::Profile;

impl Profile {
    /// Access tokens of Logto for an API resource or an organization.
    ///
    /// From *How to validate access tokens in your API service or backend* (docs.logto.io/authorization/validate-access-tokens)
    /// and *Machine-to-machine* (docs.logto.io/quick-starts/m2m); Logto is built on `oidc-provider`, whose JWT access
    /// tokens follow RFC 9068, so the rules are those of [`Profile::rfc9068`]:
    ///
    /// | | |
    /// |---|---|
    /// | header | `typ` is `at+jwt`, in ID tokens it is `JWT`; the algorithm is `ES384` unless the tenant rotated to RSA |
    /// | required claims | `iss`, `aud`, `exp`, `iat`, `sub`, `client_id`, `jti` |
    /// | audience | the API's resource indicator, or `urn:logto:organization:ID` in an organization token |
    /// | scopes | `scope`, a space-separated string, absent when empty |
    /// | machine | `sub` is the `client_id` |
    /// | user | `sub` is something else |
    ///
    /// An access token requested without a resource is opaque, not a JWT. The issuer ends in `/oidc`:
    /// `https://TENANT.logto.app/oidc`.
    #[must_use]
    pub fn logto() -> Self {
        Self::rfc9068().scope_claims(["scope"]).rename("logto")
    }
}
