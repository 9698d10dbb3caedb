//! Checks of a profile at construction.

use std::borrow::Cow;

use portcullis_core::{ConfigError, Scope};

use super::{Condition, Profile};
use crate::claim_path::ClaimPath;

impl Profile {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.problem().map_or(Ok(()), |problem| {
            let problem = format!("profile {:?}: {problem}", self.name);
            Err(ConfigError::new("profile", problem))
        })
    }

    fn problem(&self) -> Option<Cow<'static, str>> {
        let like_id_tokens =
            self.untyped || self.types.iter().any(|typ| typ.eq_ignore_ascii_case("JWT"));
        let problems = [
            (
                self.types.is_empty() && !self.untyped,
                "it accepts no `typ`, so no token: list the `typ` of access tokens in `types`",
            ),
            (
                self.types
                    .iter()
                    .any(|typ| typ.is_empty() || typ.contains('/')),
                "a name in `types` is empty or contains `/`: leave out `application/`",
            ),
            (
                like_id_tokens && self.marks.is_empty() && !self.may_lack_marks,
                "it accepts `JWT` or no `typ`, as ID tokens have: add a condition that only access tokens meet (`mark`; in a file `access_token_if` or `not_access_token_if`)",
            ),
            (
                self.audience_claims.is_empty()
                    || self.audience_claims.iter().any(|claim| claim.is_empty()),
                "`audience_claims` or one of its names is empty: the usual claim is `aud`",
            ),
            (
                self.needs_client_id() && self.client_id.is_empty(),
                "its audience rule needs the client, and no claim names the client: set `client_id_claims`",
            ),
            (
                self.alternatives().any(Vec::is_empty),
                "an alternative of `machine_if` or `user_if` has no condition and never matches: add one, or remove it",
            ),
            (
                Scope::parse(&format!("{}x", self.role_prefix)).is_err(),
                "`role_prefix` has characters that scopes cannot have: use printable ASCII without space, quotes and backslash",
            ),
            (
                self.role_prefix.is_empty() && !self.roles.is_empty(),
                "`role_prefix` is empty, so a scope that a client requests would pass for a role: set a prefix, or \
                 read the roles as scopes (`united_scope_claims`; in a file `scope_claims` and `unite_scope_claims`)",
            ),
        ];
        if let Some((_, problem)) = problems.into_iter().find(|(applies, _)| *applies) {
            return Some(problem.into());
        }
        let single = self.one_value_paths().find_map(|path| path.problem(true));
        let mut several = self.scopes.iter().chain(&self.roles);
        single
            .or_else(|| several.find_map(|path| path.problem(false)))
            .map(Into::into)
    }

    fn one_value_paths(&self) -> impl Iterator<Item = &ClaimPath> {
        self.required
            .iter()
            .chain(&self.client_id)
            .chain(&self.token_id)
            .chain(self.marks.iter().flat_map(Condition::paths))
            .chain(self.alternatives().flatten().flat_map(Condition::paths))
    }

    fn alternatives(&self) -> impl Iterator<Item = &Vec<Condition>> {
        self.machine_if.iter().chain(&self.user_if)
    }
}

#[cfg(test)]
mod tests {
    use crate::{AudienceRule, ClaimPath, Condition, Profile};

    #[test]
    fn presets_pass_the_check() {
        for name in Profile::NAMES {
            let profile: Profile = name.parse().expect(name);
            assert_eq!(profile.check(), Ok(()), "{name}");
        }
    }

    #[test]
    fn unusable_profile_is_a_config_error() {
        let strict = Profile::rfc9068;
        let none: [&'static str; 0] = [];
        let path = || ClaimPath::from("a");
        for (profile, words) in [
            (strict().types(none), "accepts no `typ`"),
            (strict().types(["application/at+jwt"]), "application/"),
            (strict().types(["jwt"]), "add a condition"),
            (strict().dangerous_accept_untyped(), "add a condition"),
            (strict().audience_claims(none), "`audience_claims`"),
            (
                strict()
                    .audience_rule(AudienceRule::ClientId)
                    .client_id_claims(none),
                "no claim names the client",
            ),
            (strict().kind_rule(vec![vec![]], vec![]), "no condition"),
            (strict().role_prefix("my role:"), "`role_prefix`"),
            (Profile::keycloak().role_prefix(""), "united_scope_claims"),
            (strict().required_claims([""]), "empty name"),
            (
                strict().required_claims([path().each().member("b")]),
                "several values",
            ),
            (
                strict().client_id_claims([path().client_member()]),
                "several values",
            ),
            (
                strict().mark(Condition::not(Condition::present(path().audience_member()))),
                "several values",
            ),
            (
                strict().role_claims([path().member_names().member("b")]),
                "after the member names",
            ),
            (
                strict().scope_claims([ClaimPath::from("aud").each()]),
                "`aud`",
            ),
        ] {
            let error = profile.check().expect_err(words);
            assert_eq!(error.setting(), "profile");
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
        let marked = strict()
            .types(["JWT"])
            .mark(Condition::equals("use", "access"));
        assert_eq!(marked.check(), Ok(()));
        let unmarked = strict().types(["JWT"]).dangerous_without_marks();
        assert_eq!(unmarked.check(), Ok(()));
    }
}
