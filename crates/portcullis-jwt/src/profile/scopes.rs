//! The scopes and roles that a token grants.

use portcullis_core::ScopeSet;
use portcullis_jose::JsonError;
use smallvec::SmallVec;

use super::Profile;
use crate::{
    claim_path::{ClaimPath, Step},
    claims::{Claim, Claims},
};

/// The parts of claims that may be scopes. Most tokens have few.
type Candidates<'c> = SmallVec<[&'c str; 16]>;

impl Profile {
    /// The scopes that the token grants at a service with these audiences. A claim of a wrong type, or a part that is not
    /// a scope-token (RFC 6749 §3.3), grants nothing.
    pub(crate) fn scopes(&self, claims: &Claims<'_>, audiences: &[Box<str>]) -> ScopeSet {
        let finder = self.finder(claims, audiences);
        let mut scopes = Candidates::new();
        for path in &self.scopes {
            if finder.find(path, &mut scopes) && !self.unite_scopes {
                break;
            }
        }
        if self.roles.is_empty() {
            return ScopeSet::from_tokens(scopes);
        }
        // A scope must not pass for a role: some issuers grant any scope that a client requests.
        scopes.retain(|scope| !scope.starts_with(&*self.role_prefix));
        let mut roles = Candidates::new();
        for path in &self.roles {
            finder.find(path, &mut roles);
        }
        let roles: Vec<String> = roles
            .iter()
            .filter(|role| !role.is_empty())
            .map(|role| [&*self.role_prefix, role].concat())
            .collect();
        ScopeSet::from_tokens(scopes.into_iter().chain(roles.iter().map(AsRef::as_ref)))
    }

    /// What each of the scope claims and role claims is in a token with this payload, a line for each, at a service with
    /// these audiences. For tools that explain tokens.
    ///
    /// # Errors
    ///
    /// When the payload is not a JSON object.
    pub fn explain_scopes(
        &self,
        payload: &[u8],
        audiences: &[Box<str>],
    ) -> Result<Vec<String>, JsonError> {
        let claims = Claims::parse(payload)?;
        let finder = self.finder(&claims, audiences);
        let explain = |path: &ClaimPath| {
            let mut found = Candidates::new();
            let is_present = finder.find(path, &mut found);
            let what = if matches!(claims.at(path), Some(Claim::Object(_))) {
                "is an object, not text or a list: write a path, such as [\"realm_access\", \"roles\"]".to_owned()
            } else if is_present {
                found.retain(|text| !text.is_empty());
                format!("found {}", found.len())
            } else if path.steps.is_empty() && path.claim.contains('.') && !path.claim.contains('/')
            {
                let names: Vec<&str> = path.claim.split('.').collect();
                format!(
                    "absent: a dot is part of a name, so for members of objects write {names:?}"
                )
            } else if path.steps.contains(&Step::AudienceMember) && finder.audiences.is_empty() {
                "absent: the token names no accepted audience".to_owned()
            } else {
                "absent".to_owned()
            };
            format!("`{path}`: {what}")
        };
        Ok(self.scopes.iter().chain(&self.roles).map(explain).collect())
    }

    fn finder<'a, 'c>(&self, claims: &'c Claims<'c>, audiences: &'a [Box<str>]) -> Finder<'a, 'c> {
        // The verifier checks `aud` even if it is not listed. Here, only listed claims count.
        let listed = || {
            self.audience_claims
                .iter()
                .filter_map(|name| claims.get(name))
        };
        let is_named = |audience: &&str| listed().flat_map(Claim::texts).any(|it| it == *audience);
        Finder {
            claims,
            client: self.client_id(claims),
            audiences: audiences
                .iter()
                .map(AsRef::as_ref)
                .filter(is_named)
                .collect(),
        }
    }
}

struct Finder<'a, 'c> {
    claims: &'c Claims<'c>,
    client: Option<&'c str>,
    audiences: SmallVec<[&'a str; 4]>,
}

impl<'c> Finder<'_, 'c> {
    /// Adds the texts at `path` to `found`. Returns whether the path leads to a value.
    fn find(&self, path: &ClaimPath, found: &mut Candidates<'c>) -> bool {
        self.claims
            .get(&path.claim)
            .is_some_and(|claim| self.walk(claim, &path.steps, false, found))
    }

    /// `is_item`: the path has led through the items of an array.
    fn walk(
        &self,
        claim: &'c Claim<'c>,
        steps: &[Step],
        is_item: bool,
        found: &mut Candidates<'c>,
    ) -> bool {
        let Some((step, rest)) = steps.split_first() else {
            match claim {
                // An item of an array is not split, so that a role with a space does not become two.
                Claim::Text(text) if !is_item => found.extend(text.split(' ')),
                claim => found.extend(claim.texts()),
            }
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
            // `fold`, not `any`: the values of all audiences are collected. `Each` does the same.
            (Step::AudienceMember, _) => {
                let audiences = self.audiences.iter();
                audiences.fold(false, |any, name| any | member(name))
            }
            (Step::Each, Claim::Array(items)) => items
                .iter()
                .fold(false, |any, item| any | self.walk(item, rest, true, found)),
            (Step::MemberNames, Claim::Object(members)) => {
                found.extend(members.iter().map(|(name, _)| &**name));
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(profile: &Profile, json: &str) -> String {
        let claims = Claims::parse(json.as_bytes()).expect("parses");
        let audiences = ["orders", "reports"].map(Into::into);
        profile.scopes(&claims, &audiences).to_string()
    }

    #[test]
    fn scope_text_is_split_at_spaces_only() {
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
    fn scope_and_role_claims_are_explained() {
        let json = r#"{"aud":"orders","scope":"a b","realm_access":{"roles":["x"]},"none":[],"api":{"orders":["y"]}}"#;
        let of = |claim: &'static str| ClaimPath::from(claim);
        let profile = Profile::rfc9068().role_claims([
            of("realm_access").member("roles"),
            of("realm_access"),
            of("realm_access.roles"),
            of("https://example.com/roles"),
            of("none"),
            of("api").audience_member(),
        ]);
        let lines = profile.explain_scopes(json.as_bytes(), &["orders".into()]);
        assert_eq!(
            lines.expect("an object"),
            [
                "`scope`: found 2",
                "`scp`: absent",
                "`realm_access.roles`: found 1",
                "`realm_access`: is an object, not text or a list: write a path, such as [\"realm_access\", \"roles\"]",
                "`realm_access.roles`: absent: a dot is part of a name, so for members of objects write [\"realm_access\", \"roles\"]",
                "`https://example.com/roles`: absent",
                "`none`: found 0",
                "`api.{audience}`: found 1",
            ]
        );
        let lines = profile.explain_scopes(json.as_bytes(), &[]);
        let last = lines.expect("an object").pop();
        assert_eq!(
            last.as_deref(),
            Some("`api.{audience}`: absent: the token names no accepted audience")
        );
        assert!(profile.explain_scopes(b"[]", &[]).is_err());
    }

    #[test]
    fn first_scope_claim_counts_unless_united() {
        let json = r#"{"scp":["b"],"scope":"a","roles":["c"]}"#;
        assert_eq!(scopes(&Profile::rfc9068(), json), "a");
        assert_eq!(
            scopes(&Profile::rfc9068().scope_claims(["scp", "scope"]), json),
            "b"
        );
        assert_eq!(
            scopes(
                &Profile::rfc9068().united_scope_claims(["scp", "roles"]),
                json
            ),
            "b c"
        );
        // A claim of the wrong type grants nothing and hides the next one.
        assert_eq!(scopes(&Profile::rfc9068(), r#"{"scope":1,"scp":"b"}"#), "");
    }

    #[test]
    fn scopes_and_roles_are_found_by_claim_path() {
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
            let profile = Profile::keycloak().role_claims([path]);
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
        let first = Profile::rfc9068().scope_claims([
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
            let profile = Profile::rfc9068().scope_claims([path.clone()]);
            assert_eq!(scopes(&profile, json), expected, "{path}");
        }
        let text = r#"{"roles":"clerk admin"}"#;
        let profile = Profile::rfc9068().role_claims(["roles"]);
        assert_eq!(scopes(&profile, text), "role:admin role:clerk");
        let disguised =
            r#"{"scope":"read role:admin role: rolex","realm_access":{"roles":["b c"]}}"#;
        assert_eq!(scopes(&Profile::keycloak(), disguised), "read rolex");
        assert_eq!(
            scopes(&Profile::rfc9068(), disguised),
            "read role: role:admin rolex"
        );
        let united = Profile::rfc9068().united_scope_claims([
            of("scope"),
            of("realm_access").member("roles"),
            of("roles"),
        ]);
        assert_eq!(scopes(&united, json), "admin c read");
    }
}
