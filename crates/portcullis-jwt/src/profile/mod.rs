//! What an issuer's access tokens look like, as data.

mod auth0;
mod check;
mod cognito;
mod entra_id;
mod evaluate;
#[cfg(feature = "profile-file")]
mod file;
mod keycloak;
mod kind;
mod logto;
mod name;
mod okta;
mod rfc9068;

use std::borrow::Cow;

#[cfg(feature = "profile-file")]
pub use self::file::ProfileFileError;
pub use self::kind::{Condition, KindRule};
pub use self::name::UnknownProfile;
use crate::{claim_name::ClaimName, claim_path::ClaimPath};

/// What the access tokens of an issuer look like, and what tells them from its other tokens.
///
/// [`Profile::rfc9068`] is the default and the strictest. Issuers that do not follow RFC 9068 have presets, each of
/// which says what the issuer documents, what then separates an access token from an ID token, and how a machine is
/// told from a user. A profile is plain data: start from the nearest preset and adjust it, or read one from a file
/// with `Profile::from_toml` (feature `profile-file`).
///
/// ```
/// use portcullis_jwt::{Condition, Profile};
///
/// // An issuer that follows RFC 9068 but names the client in `azp` and marks its tokens in `use`.
/// let profile = Profile::rfc9068()
///     .with_client_id_claims(["azp"])
///     .with_required_claims(["iss", "aud", "exp", "iat", "sub", "jti"])
///     .with_mark(Condition::equals("use", "access"));
/// ```
///
/// Whatever the profile, a token's signature, algorithm, `iss`, `exp`, `nbf`, `iat`, lifetime and `crit` are always
/// checked, a claim that is there must have its registered type, and a `cnf` is never ignored. A profile that cannot
/// be used is a [`ConfigError`](portcullis_core::ConfigError) when the verifier is built.
#[derive(Clone, Debug)]
pub struct Profile {
    name: Cow<'static, str>,
    types: Vec<Cow<'static, str>>,
    untyped: bool,
    required: Vec<ClaimPath>,
    marks: Vec<Condition>,
    unmarked: bool,
    audience: AudienceRule,
    audience_claims: Vec<ClaimName>,
    scopes: ScopeRule,
    roles: Vec<ClaimPath>,
    role_prefix: Cow<'static, str>,
    client_id: Vec<ClaimPath>,
    token_id: Vec<ClaimPath>,
    kind: KindRule,
}

/// Which claim says whom a token is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudienceRule {
    /// `aud` must be there and hold one of the accepted audiences (RFC 7519 §4.1.3).
    Audience,
    /// The issuer puts no `aud` in its access tokens. The client that asked for the token must be on a list instead,
    /// and an `aud` that is there all the same must hold one of the accepted audiences.
    ClientId,
    /// Both: an accepted audience, and a client that is on the list.
    AudienceAndClientId,
}

impl AudienceRule {
    /// Whether a token must name an accepted audience.
    #[must_use]
    pub fn needs_audience(self) -> bool {
        matches!(self, Self::Audience | Self::AudienceAndClientId)
    }

    /// Whether the accepted clients must be listed.
    #[must_use]
    pub fn needs_client_id(self) -> bool {
        matches!(self, Self::ClientId | Self::AudienceAndClientId)
    }
}

#[derive(Clone, Debug)]
enum ScopeRule {
    First(Vec<ClaimPath>),
    All(Vec<ClaimPath>),
}

impl Default for Profile {
    /// [`Profile::rfc9068`].
    fn default() -> Self {
        Self::rfc9068()
    }
}

impl Profile {
    /// The profile's name, for logs and errors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Replaces the name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the accepted values of the header's `typ` (RFC 8725 §3.11), each without its `application/`. A
    /// token may have that prefix, and write them in any case.
    ///
    /// Where ID tokens have an accepted type too, as they do with `JWT`, only [marks](Self::with_mark) tell the two
    /// apart, and the profile must have one.
    #[must_use]
    pub fn with_types<I: IntoIterator<Item: Into<Cow<'static, str>>>>(mut self, types: I) -> Self {
        self.types = self::types(types);
        self
    }

    /// Also accepts tokens without a `typ`.
    ///
    /// Dangerous where nothing else separates the issuer's access tokens from what else it signs: the profile must
    /// have a [mark](Self::with_mark) that does.
    #[must_use]
    pub fn dangerous_accept_untyped(mut self) -> Self {
        self.untyped = true;
        self
    }

    /// Replaces the claims that every token must have. `iss` and `exp` are required whatever is set here, and so is
    /// `aud` under [`AudienceRule::Audience`]; a claim of [`with_client_id_claims`](Self::with_client_id_claims) is
    /// required where `client_id` is named.
    #[must_use]
    pub fn with_required_claims<I: IntoIterator<Item: Into<ClaimPath>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.required = paths(claims);
        self
    }

    /// Adds a condition that access tokens meet and other tokens of the issuer do not.
    #[must_use]
    pub fn with_mark(mut self, mark: Condition) -> Self {
        self.marks.push(mark);
        self
    }

    /// Drops all conditions that tell access tokens from other tokens.
    ///
    /// Dangerous: where the issuer types its ID tokens like its access tokens, ID tokens are then accepted too.
    #[must_use]
    pub fn dangerous_without_marks(mut self) -> Self {
        self.marks.clear();
        self.unmarked = true;
        self
    }

    /// Replaces the rule for the audience.
    #[must_use]
    pub fn with_audience_rule(mut self, rule: AudienceRule) -> Self {
        self.audience = rule;
        self
    }

    /// Replaces the claims that may say whom a token is meant for, by default `aud`, for an issuer that says so in a
    /// claim of its own. Where [`AudienceRule::needs_audience`], a token must have one of them. Each that is there must
    /// hold an accepted audience; so must `aud`, listed or not (RFC 7519 §4.1.3).
    #[must_use]
    pub fn with_audience_claims<I: IntoIterator<Item: Into<Cow<'static, str>>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.audience_claims = claims.into_iter().map(ClaimName::new).collect();
        self
    }

    /// Takes the scopes from the first of these claims that a token has, be it a space-separated string or an array
    /// of strings. Later ones are not looked at, so an issuer that writes the same scopes twice, in `scope` and in
    /// `scp`, grants no more than it says first.
    #[must_use]
    pub fn with_scope_claims<I: IntoIterator<Item: Into<ClaimPath>>>(mut self, claims: I) -> Self {
        self.scopes = ScopeRule::First(paths(claims));
        self
    }

    /// Takes the scopes from all of these claims together, each a space-separated string or an array of strings.
    #[must_use]
    pub fn with_united_scope_claims<I: IntoIterator<Item: Into<ClaimPath>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.scopes = ScopeRule::All(paths(claims));
        self
    }

    /// Replaces the claims that hold roles, of which presets have none unless they say so. All of them count, each a
    /// space-separated string or an array of strings.
    ///
    /// A role is granted as a scope of its own, after the [prefix](Self::with_role_prefix) `role:`. The role `admin`
    /// passes `RequireScopeLayer::all(["role:admin"])`, and never passes for the scope `admin`, since the client may
    /// not have asked for all that its roles allow. In turn, where a profile has role claims, scopes that begin with the
    /// prefix are dropped.
    ///
    /// ```
    /// use portcullis_jwt::{ClaimPath, Profile};
    ///
    /// let profile = Profile::rfc9068().with_role_claims([
    ///     ClaimPath::from("realm_access").member("roles"),
    ///     ClaimPath::from("https://example.com/roles"),
    /// ]);
    /// ```
    #[must_use]
    pub fn with_role_claims<I: IntoIterator<Item: Into<ClaimPath>>>(mut self, claims: I) -> Self {
        self.roles = paths(claims);
        self
    }

    /// Replaces what roles are prefixed with, by default `role:`. A profile with role claims needs a prefix. To grant
    /// roles as scopes, name their claims in [`with_united_scope_claims`](Self::with_united_scope_claims) instead.
    #[must_use]
    pub fn with_role_prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.role_prefix = prefix.into();
        self
    }

    /// Replaces the claims that may name the client; the first that is there counts.
    #[must_use]
    pub fn with_client_id_claims<I: IntoIterator<Item: Into<ClaimPath>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.client_id = paths(claims);
        self
    }

    /// Replaces the claims that may name the token itself, by default `jti`; the first that is there counts.
    #[must_use]
    pub fn with_token_id_claims<I: IntoIterator<Item: Into<ClaimPath>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.token_id = paths(claims);
        self
    }

    /// Replaces the rule that tells machines from users.
    #[must_use]
    pub fn with_kind_rule(mut self, rule: KindRule) -> Self {
        self.kind = rule;
        self
    }

    /// Which claim says whom a token is meant for.
    #[must_use]
    pub fn audience_rule(&self) -> AudienceRule {
        self.audience
    }

    /// A profile that accepts no token yet.
    fn empty(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            types: Vec::new(),
            untyped: false,
            required: Vec::new(),
            marks: Vec::new(),
            unmarked: false,
            audience: AudienceRule::Audience,
            audience_claims: vec![ClaimName::new("aud")],
            scopes: ScopeRule::First(paths(["scope", "scp"])),
            roles: Vec::new(),
            role_prefix: Cow::Borrowed("role:"),
            client_id: paths(["client_id"]),
            token_id: paths(["jti"]),
            kind: KindRule::new(),
        }
    }
}

fn paths<I: IntoIterator<Item: Into<ClaimPath>>>(paths: I) -> Vec<ClaimPath> {
    paths.into_iter().map(Into::into).collect()
}

fn types<I: IntoIterator<Item: Into<Cow<'static, str>>>>(types: I) -> Vec<Cow<'static, str>> {
    types.into_iter().map(Into::into).collect()
}
