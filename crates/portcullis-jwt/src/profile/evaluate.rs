//! What a profile makes of a token.

use std::{borrow::Cow, slice};

use portcullis_core::{PrincipalKind, ScopeSet};
use portcullis_jose::Header;
use smallvec::SmallVec;

use super::{Condition, Profile, ScopeRule};
use crate::{
    claim_name::ClaimName,
    claim_path::{ClaimPath, Step},
    claims::{Claim, Claims, Keep},
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

    /// The values of `typ` that are accepted, for an error message.
    pub(crate) fn accepted_types(&self) -> String {
        let untyped = self.untyped.then_some("absent");
        let types = self.types.iter().map(AsRef::as_ref);
        types.chain(untyped).collect::<Vec<&str>>().join(" or ")
    }

    /// What is needed of a claim that is an array or an object.
    pub(crate) fn keep(&self, name: &str) -> Keep {
        let is_audience = || self.audience_claims.iter().any(|claim| **claim == *name);
        if name == "aud" || is_audience() {
            return Keep::List;
        }
        let leads_into = |path: &ClaimPath| path.is_nested() && **path.claim() == *name;
        if self.paths().any(leads_into) {
            return Keep::Tree;
        }
        let mut lists = self.scope_claims().iter().chain(&self.roles);
        if lists.any(|path| **path.claim() == *name) {
            Keep::List
        } else {
            Keep::Nothing
        }
    }

    /// The first required claim that is missing. `client_id` is looked for under each name it may have.
    pub(crate) fn missing(&self, claims: &Claims<'_>) -> Option<&ClaimPath> {
        let is_missing = |path: &&ClaimPath| {
            if path.is_claim("client_id") {
                self.client_id.iter().all(|path| claims.at(path).is_none())
            } else {
                claims.at(path).is_none()
            }
        };
        self.required.iter().find(is_missing)
    }

    /// The first claim that should name the client or the token, and is there but no text.
    pub(crate) fn ill_typed(&self, claims: &Claims<'_>) -> Option<&ClaimPath> {
        let mut paths = self.client_id.iter().chain(&self.token_id);
        paths.find(|path| claims.text_at(path).is_err())
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

    /// The claim that usually says whom the token is meant for.
    pub(crate) fn audience_claim(&self) -> &str {
        self.audience_claims.first().map_or("aud", |claim| claim)
    }

    /// The claims other than `aud` that may say whom the token is meant for.
    pub(crate) fn further_audience_claims(&self) -> impl Iterator<Item = &ClaimName> {
        self.audience_claims.iter().filter(|name| ***name != *"aud")
    }

    /// What the token grants to a service of these audiences. A claim of another type, or a piece that is no
    /// scope-token, grants nothing.
    pub(crate) fn scopes(&self, claims: &Claims<'_>, audiences: &[Box<str>]) -> ScopeSet {
        if !self.roles.is_empty() || self.scope_claims().iter().any(ClaimPath::is_nested) {
            return self.scopes_and_roles(claims, audiences);
        }
        match &self.scopes {
            ScopeRule::First(paths) => match paths.iter().find_map(|path| claims.at(path)) {
                Some(Claim::Text(list)) => ScopeSet::parse(list),
                Some(claim) => ScopeSet::from_tokens(tokens(claim, false)),
                None => ScopeSet::default(),
            },
            ScopeRule::All(paths) => {
                let claims = paths.iter().filter_map(|path| claims.at(path));
                ScopeSet::from_tokens(claims.flat_map(|claim| tokens(claim, false)))
            }
        }
    }

    /// Machine, user or unknown.
    pub(crate) fn kind(&self, claims: &Claims<'_>) -> PrincipalKind {
        self.kind.of(claims, self.client_id(claims))
    }

    fn scopes_and_roles(&self, claims: &Claims<'_>, audiences: &[Box<str>]) -> ScopeSet {
        let names = Names {
            client: self.client_id(claims),
            audiences: self.common_audiences(claims, audiences),
        };
        let mut granted = Tokens::new();
        match &self.scopes {
            ScopeRule::First(paths) => {
                paths
                    .iter()
                    .any(|path| names.find(path, claims, &mut granted));
            }
            ScopeRule::All(paths) => paths.iter().for_each(|path| {
                names.find(path, claims, &mut granted);
            }),
        }
        // A scope must not pass for a role either: some issuers grant any scope that a client asks for.
        if !self.roles.is_empty() {
            granted.retain(|scope| !scope.starts_with(&*self.role_prefix));
        }
        let mut roles = Tokens::new();
        for path in &self.roles {
            names.find(path, claims, &mut roles);
        }
        roles.retain(|role| !role.is_empty());
        let prefixed: Vec<String> = roles
            .iter()
            .map(|role| [&*self.role_prefix, role].concat())
            .collect();
        ScopeSet::from_tokens(
            granted
                .into_iter()
                .chain(prefixed.iter().map(|role| &**role)),
        )
    }

    /// The audiences that both the token names and the verifier accepts.
    fn common_audiences<'a>(
        &self,
        claims: &Claims<'_>,
        accepted: &'a [Box<str>],
    ) -> SmallVec<[&'a str; 4]> {
        let named = |audience: &&str| {
            let mut claims = self
                .audience_claims
                .iter()
                .filter_map(|name| claims.get(name));
            claims.any(|claim| match claim {
                Claim::Text(text) => text == audience,
                Claim::List { texts, .. } => texts.iter().any(|text| text == audience),
                _ => false,
            })
        };
        accepted.iter().map(AsRef::as_ref).filter(named).collect()
    }

    pub(super) fn scope_claims(&self) -> &[ClaimPath] {
        let (ScopeRule::First(paths) | ScopeRule::All(paths)) = &self.scopes;
        paths
    }

    /// Every claim that the profile looks at, except for the audience.
    fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        self.one_value_paths()
            .chain(self.scope_claims())
            .chain(&self.roles)
    }

    /// Every claim that the profile wants one value of.
    pub(super) fn one_value_paths(&self) -> impl Iterator<Item = &ClaimPath> {
        self.required
            .iter()
            .chain(&self.client_id)
            .chain(&self.token_id)
            .chain(self.marks.iter().flat_map(Condition::paths))
            .chain(self.kind.paths())
    }
}

/// The pieces of claims that may be scopes. Usually few.
type Tokens<'c> = SmallVec<[&'c str; 16]>;

/// What the steps of a path are replaced with, for one token.
struct Names<'n> {
    client: Option<&'n str>,
    audiences: SmallVec<[&'n str; 4]>,
}

impl Names<'_> {
    /// Adds the tokens that `path` leads to. Whether it leads to anything.
    fn find<'c>(&self, path: &ClaimPath, claims: &'c Claims<'_>, found: &mut Tokens<'c>) -> bool {
        claims
            .get(path.claim())
            .is_some_and(|claim| self.walk(claim, path.steps(), false, found))
    }

    /// `is_item`: the path has led through the items of an array.
    fn walk<'c>(
        &self,
        claim: &'c Claim<'_>,
        steps: &[Step],
        is_item: bool,
        found: &mut Tokens<'c>,
    ) -> bool {
        let Some((step, rest)) = steps.split_first() else {
            found.extend(tokens(claim, is_item));
            return true;
        };
        let mut member = |name: &str| {
            claim
                .member(name)
                .is_some_and(|value| self.walk(value, rest, is_item, found))
        };
        match (step, claim) {
            (Step::Member(name), _) => member(name),
            (Step::ClientMember, _) => self.client.is_some_and(member),
            (Step::AudienceMember, _) => {
                let members = self.audiences.iter().map(|name| member(name));
                members.fold(false, |any, found| any | found)
            }
            (Step::Each, Claim::Array(items)) => {
                let items = items.iter().map(|item| self.walk(item, rest, true, found));
                items.fold(false, |any, found| any | found)
            }
            (Step::MemberNames, Claim::Object(members)) => {
                found.extend(members.iter().map(|(name, _)| &**name));
                true
            }
            _ => false,
        }
    }
}

/// The pieces of a claim that may be scopes: each text of an array, and a text split at spaces. An item of an array is not
/// split, so that a role with a space does not become two.
fn tokens<'c>(claim: &'c Claim<'_>, is_item: bool) -> impl Iterator<Item = &'c str> {
    // Two of the three are empty.
    let (text, list, array): (&str, &[Cow<'_, str>], &[Claim<'_>]) = match claim {
        Claim::Text(text) if is_item => ("", slice::from_ref(text), &[]),
        Claim::Text(text) => (text, &[], &[]),
        Claim::List { texts, .. } => ("", texts, &[]),
        Claim::Array(items) => ("", &[], items),
        _ => ("", &[], &[]),
    };
    let texts = array.iter().filter_map(|item| match item {
        Claim::Text(text) => Some(&**text),
        _ => None,
    });
    text.split(' ')
        .chain(list.iter().map(AsRef::as_ref))
        .chain(texts)
}

fn first_text<'c>(paths: &[ClaimPath], claims: &'c Claims<'_>) -> Option<&'c str> {
    paths
        .iter()
        .find_map(|path| claims.text_at(path).ok().flatten())
}
#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(profile: &Profile, json: &str) -> String {
        let claims = Claims::parse(json.as_bytes(), &|name| profile.keep(name)).expect("parses");
        let audiences = ["orders", "reports"].map(Into::into);
        profile.scopes(&claims, &audiences).to_string()
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

    #[test]
    fn scopes_and_roles_are_found_by_path() {
        let json = r#"{
            "aud": ["orders", "account"], "azp": "shop", "scope": "read",
            "realm_access": {"roles": ["admin", "two words", 1, null]},
            "realm_access.roles": ["dotted"],
            "resource_access": {
                "orders": {"roles": ["clerk"]}, "reports": {"roles": ["analyst"]}, "shop": {"roles": ["owner"]}
            },
            "roles": [{"name": "a", "id": 1}, {"name": "b"}, {"id": 3}, "c"],
            "teams": [{"name": "deputy admin"}, {"name": "clerk"}, {"name": ""}],
            "titles": ["deputy admin", "clerk"],
            "projects": {"editor": {"1": "x"}, "viewer": {}},
            "https://example.com/roles": ["guest"]
        }"#;
        let roles = |path: ClaimPath| {
            let profile = Profile::keycloak().with_role_claims([path]);
            scopes(&profile, json)
        };
        let of = |claim: &'static str| ClaimPath::from(claim);
        for (path, expected) in [
            (of("realm_access").member("roles"), "read role:admin"),
            (of("realm_access.roles"), "read role:dotted"),
            (of("https://example.com/roles"), "read role:guest"),
            (of("roles").each().member("name"), "read role:a role:b"),
            (of("roles").each(), "read role:c"),
            (of("teams").each().member("name"), "read role:clerk"),
            (of("titles"), "read role:clerk"),
            (of("titles").each(), "read role:clerk"),
            (of("titles").each().each(), "read"),
            (of("roles"), "read role:c"),
            (
                of("projects").member_names(),
                "read role:editor role:viewer",
            ),
            (
                of("resource_access").audience_member().member("roles"),
                "read role:clerk",
            ),
            (
                of("resource_access").client_member().member("roles"),
                "read role:owner",
            ),
            (
                of("resource_access").member("reports").member("roles"),
                "read role:analyst",
            ),
            (of("realm_access"), "read"),
            (of("scope").member("roles"), "read"),
            (of("absent").member("roles"), "read"),
        ] {
            assert_eq!(roles(path.clone()), expected, "{path}");
        }
        let first = Profile::rfc9068().with_scope_claims([
            of("absent").member("x"),
            of("realm_access").member("x"),
            of("roles").each().member("name"),
            of("scope"),
        ]);
        assert_eq!(scopes(&first, json), "a b");
        for (path, expected) in [
            (of("teams").each().member("name"), "clerk"),
            (of("titles").each(), "clerk"),
            (of("titles"), "clerk"),
        ] {
            let profile = Profile::rfc9068().with_scope_claims([path.clone()]);
            assert_eq!(scopes(&profile, json), expected, "{path}");
        }
        let text = r#"{"roles":"clerk admin"}"#;
        let profile = Profile::rfc9068().with_role_claims(["roles"]);
        assert_eq!(scopes(&profile, text), "role:admin role:clerk");
        let disguised =
            r#"{"scope":"read role:admin role: rolex","realm_access":{"roles":["b c"]}}"#;
        assert_eq!(scopes(&Profile::keycloak(), disguised), "read rolex");
        assert_eq!(
            scopes(&Profile::rfc9068(), disguised),
            "read role: role:admin rolex"
        );
        let united = Profile::rfc9068().with_united_scope_claims([
            of("scope"),
            of("realm_access").member("roles"),
            of("roles"),
        ]);
        assert_eq!(scopes(&united, json), "admin c read");
    }
}
