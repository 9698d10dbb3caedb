//! What a profile makes of a token.

use std::{borrow::Cow, ops::Deref};

use portcullis_core::{PrincipalKind, ScopeSet};

use super::{Condition, Profile, ScopeRule};
use crate::{
    claim_name::{ClaimName, Named},
    claims::{Claim, Claims},
    header::Header,
};

impl Profile {
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
        name == "aud" || self.scope_claims().iter().any(|claim| **claim == *name)
    }

    /// The first required claim that is missing. `client_id` is looked for under each name it may have.
    pub(crate) fn missing(&self, claims: &Claims<'_>) -> Option<&str> {
        let is_missing = |name: &&ClaimName| {
            if name.text() == "client_id" {
                !self.client_id.iter().any(|name| claims.has(name))
            } else {
                !claims.has(*name)
            }
        };
        self.required.iter().find(is_missing).map(Deref::deref)
    }

    /// The first claim that should name the client or the token, and is there but no text.
    pub(crate) fn ill_typed(&self, claims: &Claims<'_>) -> Option<&str> {
        let mut names = self.client_id.iter().chain(&self.token_id);
        names
            .find(|name| claims.text(*name).is_err())
            .map(Deref::deref)
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
                Some(Claim::Text(list)) => ScopeSet::parse(list),
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

    fn scope_claims(&self) -> &[ClaimName] {
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

fn first_text<'c>(names: &[ClaimName], claims: &'c Claims<'_>) -> Option<&'c str> {
    names
        .iter()
        .find_map(|name| claims.text(name).ok().flatten())
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
