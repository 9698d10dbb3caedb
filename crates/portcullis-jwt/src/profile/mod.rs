//! Profiles: what the access tokens of an issuer look like, as data.

mod check;
mod condition;
mod evaluate;
#[cfg(feature = "profile-file")]
mod file;
mod presets;
mod scopes;

use std::borrow::Cow;

#[cfg(feature = "profile-file")]
pub use self::file::ProfileFileError;
pub use self::{condition::Condition, presets::UnknownProfile};
use crate::claim_path::ClaimPath;

/// Describes the access tokens of an issuer, and how they differ from its other tokens.
///
/// [`Profile::rfc9068`] is the default and the strictest. For issuers that do not follow RFC 9068, start from the nearest
/// preset and adjust it, or read a profile from a file with `Profile::from_toml` (feature `profile-file`).
///
/// ```
/// use portcullis_jwt::{Condition, Profile};
///
/// // An issuer that follows RFC 9068 but names the client in `azp` and marks its tokens in `use`.
/// let profile = Profile::rfc9068()
///     .client_id_claims(["azp"])
///     .required_claims(["iss", "aud", "exp", "iat", "sub", "jti"])
///     .mark(Condition::equals("use", "access"));
/// ```
///
/// Every profile checks the signature, algorithm, `iss`, `exp`, `nbf`, `iat`, lifetime and `crit` of a token. These claims,
/// `sub`, the audience and the claims that name the client and the token must have the right types if present. A scope or
/// role claim of another type grants nothing. A `cnf` is never ignored. A profile that cannot work is a
/// [`ConfigError`](portcullis_core::ConfigError) when the verifier is built.
#[derive(Clone, Debug)]
pub struct Profile {
    name: Cow<'static, str>,
    types: Vec<Cow<'static, str>>,
    untyped: bool,
    required: Vec<ClaimPath>,
    marks: Vec<Condition>,
    may_lack_marks: bool,
    audience: AudienceRule,
    audience_claims: Vec<Cow<'static, str>>,
    scopes: Vec<ClaimPath>,
    /// Whether all of `scopes` count, rather than the first one that is present.
    unite_scopes: bool,
    roles: Vec<ClaimPath>,
    role_prefix: Cow<'static, str>,
    client_id: Vec<ClaimPath>,
    token_id: Vec<ClaimPath>,
    machine_if: Vec<Vec<Condition>>,
    user_if: Vec<Vec<Condition>>,
}

/// Whether a token must match by audience, by client, or by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "profile-file", derive(serde::Deserialize))]
#[cfg_attr(feature = "profile-file", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AudienceRule {
    /// The token must name an accepted audience, in `aud` (RFC 7519 §4.1.3) or another of the
    /// [`audience_claims`](Profile::audience_claims).
    Audience,
    /// The issuer puts no `aud` in its access tokens. The client that requested the token must be an accepted one
    /// instead. An `aud` that is present must name an accepted audience.
    ClientId,
    /// The token must name an accepted audience, and its client must be an accepted one.
    AudienceAndClientId,
}

impl Profile {
    /// The profile's name, for logs and errors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Replaces the name.
    #[must_use]
    pub fn rename(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the accepted values of the header's `typ` (RFC 8725 §3.11), each without `application/`. A token may
    /// have that prefix, and use any case. If ID tokens have an accepted type too, such as `JWT`, the profile needs a
    /// [mark](Self::mark).
    #[must_use]
    pub fn types<I: IntoIterator<Item: Into<Cow<'static, str>>>>(mut self, types: I) -> Self {
        self.types = names(types);
        self
    }

    /// Also accepts tokens without a `typ`. Dangerous: the profile needs a [mark](Self::mark) that tells access tokens from
    /// the issuer's other tokens.
    #[must_use]
    pub fn dangerous_accept_untyped(mut self) -> Self {
        self.untyped = true;
        self
    }

    /// Replaces the claims that every token must have. `iss` and `exp` are always required, and so is an audience,
    /// unless the rule is [`AudienceRule::ClientId`]. `client_id` stands for any of
    /// [`client_id_claims`](Self::client_id_claims).
    #[must_use]
    pub fn required_claims<I: IntoIterator<Item: Into<ClaimPath>>>(mut self, claims: I) -> Self {
        self.required = paths(claims);
        self
    }

    /// Adds a condition that access tokens meet and other tokens of the issuer do not.
    #[must_use]
    pub fn mark(mut self, mark: Condition) -> Self {
        self.marks.push(mark);
        self
    }

    /// Removes all [marks](Self::mark). Dangerous: ID tokens that have the `typ` of access tokens are accepted too.
    #[must_use]
    pub fn dangerous_without_marks(mut self) -> Self {
        self.marks.clear();
        self.may_lack_marks = true;
        self
    }

    /// Replaces the rule for the audience.
    #[must_use]
    pub fn audience_rule(mut self, rule: AudienceRule) -> Self {
        self.audience = rule;
        self
    }

    /// Replaces the claims that may name the audience, by default `aud`. If the [rule](Self::audience_rule) needs an audience,
    /// a token must have `aud` or one of them. Each one that is present must name an accepted audience; so must `aud`, whether it is
    /// listed or not (RFC 7519 §4.1.3).
    #[must_use]
    pub fn audience_claims<I: IntoIterator<Item: Into<Cow<'static, str>>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.audience_claims = names(claims);
        self
    }

    /// Takes the scopes from the first of these claims that a token has: a space-separated string or an array of
    /// strings. Later claims are ignored.
    #[must_use]
    pub fn scope_claims<I: IntoIterator<Item: Into<ClaimPath>>>(mut self, claims: I) -> Self {
        self.scopes = paths(claims);
        self.unite_scopes = false;
        self
    }

    /// Takes the scopes from all of these claims together, each a space-separated string or an array of strings.
    #[must_use]
    pub fn united_scope_claims<I: IntoIterator<Item: Into<ClaimPath>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.scopes = paths(claims);
        self.unite_scopes = true;
        self
    }

    /// Replaces the claims that hold roles, each a space-separated string or an array of strings. Of the presets, only
    /// Keycloak's has any.
    ///
    /// The role `admin` is granted as the scope `role:admin`, with the [prefix](Self::role_prefix), and never as the scope
    /// `admin`. If a profile has role claims, scopes that start with the prefix are dropped.
    #[must_use]
    pub fn role_claims<I: IntoIterator<Item: Into<ClaimPath>>>(mut self, claims: I) -> Self {
        self.roles = paths(claims);
        self
    }

    /// Replaces the prefix of roles, by default `role:`. A profile with role claims needs a prefix. To grant roles as
    /// scopes, name their claims in [`united_scope_claims`](Self::united_scope_claims) instead.
    #[must_use]
    pub fn role_prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.role_prefix = prefix.into();
        self
    }

    /// Replaces the claims that may name the client; the first one that is present counts.
    #[must_use]
    pub fn client_id_claims<I: IntoIterator<Item: Into<ClaimPath>>>(mut self, claims: I) -> Self {
        self.client_id = paths(claims);
        self
    }

    /// Replaces the claims that may name the token, by default `jti`; the first one that is present counts.
    #[must_use]
    pub fn token_id_claims<I: IntoIterator<Item: Into<ClaimPath>>>(mut self, claims: I) -> Self {
        self.token_id = paths(claims);
        self
    }

    /// Replaces the rules that tell machines from users: alternatives, each a list of conditions that must all hold.
    ///
    /// A token that matches both kinds or neither is of unknown kind, and a route that requires a machine rejects it
    /// (RFC 9700 §4.15).
    #[must_use]
    pub fn kind_rule(
        mut self,
        machine_if: Vec<Vec<Condition>>,
        user_if: Vec<Vec<Condition>>,
    ) -> Self {
        self.machine_if = machine_if;
        self.user_if = user_if;
        self
    }

    /// Whether a token must name an accepted audience.
    #[must_use]
    pub fn needs_audience(&self) -> bool {
        self.audience != AudienceRule::ClientId
    }

    /// Whether the accepted clients must be configured.
    #[must_use]
    pub fn needs_client_id(&self) -> bool {
        self.audience != AudienceRule::Audience
    }

    fn empty(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            types: Vec::new(),
            untyped: false,
            required: Vec::new(),
            marks: Vec::new(),
            may_lack_marks: false,
            audience: AudienceRule::Audience,
            audience_claims: names(["aud"]),
            scopes: paths(["scope", "scp"]),
            unite_scopes: false,
            roles: Vec::new(),
            role_prefix: Cow::Borrowed("role:"),
            client_id: paths(["client_id"]),
            token_id: paths(["jti"]),
            machine_if: Vec::new(),
            user_if: Vec::new(),
        }
    }
}

fn paths<I: IntoIterator<Item: Into<ClaimPath>>>(paths: I) -> Vec<ClaimPath> {
    paths.into_iter().map(Into::into).collect()
}

fn names<I: IntoIterator<Item: Into<Cow<'static, str>>>>(names: I) -> Vec<Cow<'static, str>> {
    names.into_iter().map(Into::into).collect()
}
