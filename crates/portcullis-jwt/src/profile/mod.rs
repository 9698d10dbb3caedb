//! What an issuer's access tokens look like, as data.

mod auth0;
mod cognito;
mod entra_id;
mod keycloak;
mod kind;
mod logto;
mod okta;
mod rfc9068;

use std::borrow::Cow;

pub use self::kind::{Condition, KindRule};
use crate::{
    claims::{Claim, Claims},
    header::Header,
};

use portcullis_core::{PrincipalKind, ScopeSet};

type Name = Cow<'static, str>;

/// What the access tokens of an issuer look like, and what tells them from its other tokens.
///
/// [`Profile::rfc9068`] is the default and the strictest. Issuers that do not follow RFC 9068 have presets, each of
/// which says what the issuer documents, what then separates an access token from an ID token, and how a machine is
/// told from a user. A profile is plain data: start from the nearest preset and adjust it.
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
/// Whatever the profile, a token's signature, `iss`, `exp`, `nbf`, `iat`, lifetime and `crit` are always checked, a
/// claim that is there must have its registered type, and a `cnf` is never ignored.
#[derive(Clone, Debug)]
pub struct Profile {
    name: Name,
    types: Vec<Name>,
    untyped: bool,
    required: Vec<Name>,
    marks: Vec<Condition>,
    audience: AudienceRule,
    scopes: ScopeRule,
    client_id: Vec<Name>,
    token_id: Vec<Name>,
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
}

#[derive(Clone, Debug)]
enum ScopeRule {
    First(Vec<Name>),
    All(Vec<Name>),
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
    /// apart.
    #[must_use]
    pub fn with_types<I: IntoIterator<Item: Into<Cow<'static, str>>>>(mut self, types: I) -> Self {
        self.types = names(types);
        self
    }

    /// Also accepts tokens without a `typ`.
    ///
    /// Dangerous where nothing else separates the issuer's access tokens from what else it signs: add
    /// [marks](Self::with_mark) that do.
    #[must_use]
    pub fn dangerous_accept_untyped(mut self) -> Self {
        self.untyped = true;
        self
    }

    /// Replaces the claims that every token must have. `iss` and `exp` are required whatever is set here, and so is
    /// `aud` under [`AudienceRule::Audience`]; a claim of [`with_client_id_claims`](Self::with_client_id_claims) is
    /// required where `client_id` is named.
    #[must_use]
    pub fn with_required_claims<I: IntoIterator<Item: Into<Cow<'static, str>>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.required = names(claims);
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
        self
    }

    /// Replaces the rule for the audience.
    #[must_use]
    pub fn with_audience_rule(mut self, rule: AudienceRule) -> Self {
        self.audience = rule;
        self
    }

    /// Takes the scopes from the first of these claims that a token has, be it a space-separated string or an array
    /// of strings. Later ones are not looked at, so an issuer that writes the same scopes twice, in `scope` and in
    /// `scp`, grants no more than it says first.
    #[must_use]
    pub fn with_scope_claims<I: IntoIterator<Item: Into<Cow<'static, str>>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.scopes = ScopeRule::First(names(claims));
        self
    }

    /// Takes the scopes from all of these claims together, each a space-separated string or an array of strings.
    #[must_use]
    pub fn with_united_scope_claims<I: IntoIterator<Item: Into<Cow<'static, str>>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.scopes = ScopeRule::All(names(claims));
        self
    }

    /// Replaces the claims that may name the client; the first that is there counts.
    #[must_use]
    pub fn with_client_id_claims<I: IntoIterator<Item: Into<Cow<'static, str>>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.client_id = names(claims);
        self
    }

    /// Replaces the claims that may name the token itself, by default `jti`; the first that is there counts.
    #[must_use]
    pub fn with_token_id_claims<I: IntoIterator<Item: Into<Cow<'static, str>>>>(
        mut self,
        claims: I,
    ) -> Self {
        self.token_id = names(claims);
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
            audience: AudienceRule::Audience,
            scopes: ScopeRule::First(names(["scope", "scp"])),
            client_id: names(["client_id"]),
            token_id: names(["jti"]),
            kind: KindRule::new(),
        }
    }

    /// Whether the header's `typ` is one of an access token.
    pub(crate) fn accepts_type(&self, header: &Header<'_>) -> bool {
        match header.typ() {
            None => self.untyped,
            Some(_) => self
                .types
                .iter()
                .any(|accepted| header.is_media_type(accepted)),
        }
    }

    /// Whether the array that a claim holds is needed.
    pub(crate) fn wants_list(&self, name: &str) -> bool {
        name == "aud" || self.scope_claims().iter().any(|claim| claim == name)
    }

    /// The first required claim that is missing. `client_id` is looked for under each name it may have.
    pub(crate) fn missing(&self, claims: &Claims<'_>) -> Option<&str> {
        self.required.iter().map(AsRef::as_ref).find(|name| {
            if *name == "client_id" {
                !self.client_id.iter().any(|name| claims.has(name))
            } else {
                !claims.has(name)
            }
        })
    }

    /// The first claim that should name the client or the token, and is there but no text.
    pub(crate) fn ill_typed(&self, claims: &Claims<'_>) -> Option<&str> {
        let mut names = self
            .client_id
            .iter()
            .chain(&self.token_id)
            .map(AsRef::as_ref);
        names.find(|name| claims.text(name).is_err())
    }

    /// The first condition that tells this token from an access token.
    pub(crate) fn missing_mark(&self, claims: &Claims<'_>) -> Option<&Condition> {
        self.marks
            .iter()
            .find(|mark| !mark.holds(claims, self.client_id(claims)))
    }

    /// The client that asked for the token.
    pub(crate) fn client_id<'c>(&self, claims: &'c Claims<'_>) -> Option<&'c str> {
        first_text(&self.client_id, claims)
    }

    /// The token's own id.
    pub(crate) fn token_id<'c>(&self, claims: &'c Claims<'_>) -> Option<&'c str> {
        first_text(&self.token_id, claims)
    }

    /// What the token grants. A claim of another type, or a piece that is no scope-token, grants nothing.
    pub(crate) fn scopes(&self, claims: &Claims<'_>) -> ScopeSet {
        match &self.scopes {
            ScopeRule::First(names) => match names.iter().find_map(|name| claims.get(name)) {
                Some(claim) => granted_by([claim]),
                None => ScopeSet::default(),
            },
            ScopeRule::All(names) => granted_by(names.iter().filter_map(|name| claims.get(name))),
        }
    }

    /// Machine, user or unknown.
    pub(crate) fn kind(&self, claims: &Claims<'_>) -> PrincipalKind {
        self.kind.of(claims, self.client_id(claims))
    }

    fn scope_claims(&self) -> &[Name] {
        let (ScopeRule::First(names) | ScopeRule::All(names)) = &self.scopes;
        names
    }
}

fn granted_by<'c>(claims: impl IntoIterator<Item = &'c Claim<'c>>) -> ScopeSet {
    ScopeSet::from_tokens(claims.into_iter().flat_map(|claim| {
        // One of the two is empty.
        let (text, list): (&str, &[Cow<'_, str>]) = match claim {
            Claim::Text(text) => (text, &[]),
            Claim::List { texts, .. } => ("", texts),
            _ => ("", &[]),
        };
        text.split(' ').chain(list.iter().map(AsRef::as_ref))
    }))
}

fn first_text<'c>(names: &[Name], claims: &'c Claims<'_>) -> Option<&'c str> {
    names
        .iter()
        .find_map(|name| claims.text(name).ok().flatten())
}

fn names<I: IntoIterator<Item: Into<Name>>>(names: I) -> Vec<Name> {
    names.into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(profile: &Profile, json: &str) -> String {
        let claims =
            Claims::parse(json.as_bytes(), &|name| profile.wants_list(name)).expect("parses");
        profile.scopes(&claims).to_string()
    }

    #[test]
    fn p6_types_are_compared_without_case_and_prefix() {
        let accepts = |header: &str| {
            Profile::rfc9068().accepts_type(&Header::parse(header.as_bytes()).expect(header))
        };
        for typ in [
            "at+jwt",
            "AT+JWT",
            "application/at+jwt",
            "Application/At+Jwt",
        ] {
            assert!(
                accepts(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#)),
                "{typ}"
            );
        }
        for typ in [
            "",
            "JWT",
            "jwt",
            "at+jwt ",
            "application/",
            "application/application/at+jwt",
            "text/at+jwt",
            "dpop+jwt",
        ] {
            assert!(
                !accepts(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#)),
                "{typ}"
            );
        }
        assert!(!accepts(r#"{"alg":"ES256"}"#));
    }

    #[test]
    fn scopes_are_split_at_the_space_only() {
        let profile = Profile::rfc9068();
        assert_eq!(scopes(&profile, r#"{"scope":"a b  c"}"#), "a b c");
        assert_eq!(
            scopes(&profile, r#"{"scope":"a\tb c\nd e,f \u00a0 g"}"#),
            "e,f g"
        );
        assert_eq!(
            scopes(&profile, r#"{"scope":["a","b c",1,null,["d"],"e"]}"#),
            "a e"
        );
        for nothing in [
            "{}",
            r#"{"scope":1}"#,
            r#"{"scope":null}"#,
            r#"{"scope":{"a":1}}"#,
            r#"{"scope":""}"#,
        ] {
            assert_eq!(scopes(&profile, nothing), "", "{nothing}");
        }
    }

    #[test]
    fn the_first_scope_claim_counts_unless_they_are_united() {
        let json = r#"{"scp":["b"],"scope":"a","roles":["c"]}"#;
        assert_eq!(scopes(&Profile::rfc9068(), json), "a");
        assert_eq!(
            scopes(
                &Profile::rfc9068().with_scope_claims(["scp", "scope"]),
                json
            ),
            "b"
        );
        assert_eq!(
            scopes(
                &Profile::rfc9068().with_united_scope_claims(["scp", "roles"]),
                json
            ),
            "b c"
        );
        // A claim of the wrong type is there, grants nothing, and hides the next.
        assert_eq!(scopes(&Profile::rfc9068(), r#"{"scope":1,"scp":"b"}"#), "");
    }
}
