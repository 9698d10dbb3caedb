//! The fields of a profile file.

use serde::Deserialize;
use toml::Spanned;

use super::{Mistake, condition::ConditionTable, unknown};
use crate::{AudienceRule, ClaimPath, Condition, Profile, profile::names};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileTable {
    name: String,
    base: Option<Spanned<String>>,
    types: Option<Vec<String>>,
    #[serde(default)]
    dangerous_accept_untyped: bool,
    required_claims: Option<Vec<ClaimPath>>,
    audience_rule: Option<AudienceRule>,
    audience_claims: Option<Vec<String>>,
    client_id_claims: Option<Vec<ClaimPath>>,
    token_id_claims: Option<Vec<ClaimPath>>,
    scope_claims: Option<Vec<ClaimPath>>,
    unite_scope_claims: Option<bool>,
    role_claims: Option<Vec<ClaimPath>>,
    role_prefix: Option<String>,
    #[serde(default)]
    access_token_if: Vec<Spanned<ConditionTable>>,
    #[serde(default)]
    not_access_token_if: Vec<Spanned<ConditionTable>>,
    #[serde(default)]
    dangerous_without_marks: bool,
    machine_if: Option<Vec<Vec<Spanned<ConditionTable>>>>,
    user_if: Option<Vec<Vec<Spanned<ConditionTable>>>>,
}

impl ProfileTable {
    pub(super) fn into_profile(self) -> Result<Profile, Mistake> {
        let has_base = self.base.is_some();
        let unset = [
            ("types", self.types.is_none()),
            ("audience_rule", self.audience_rule.is_none()),
            ("required_claims", self.required_claims.is_none()),
        ];
        if let Some((field, _)) = unset.iter().find(|(_, unset)| *unset && !has_base) {
            let problem = format!("`{field}` is missing: it is required without a `base`");
            return Err(Mistake::from(&*problem));
        }
        let mut base: Profile = match self.base {
            Some(name) => name.get_ref().parse().map_err(|_| {
                let at = name.span().start;
                unknown("profile", name.get_ref(), at, &Profile::NAMES)
            })?,
            None => Profile::empty(""),
        };
        if self.dangerous_without_marks {
            base = base.dangerous_without_marks();
        }
        base.marks.extend(conditions(self.access_token_if)?);
        let others = conditions(self.not_access_token_if)?.into_iter();
        base.marks.extend(others.map(Condition::not));
        let unite_scopes = match (&self.scope_claims, self.unite_scope_claims) {
            (Some(_), unite) => unite.unwrap_or_default(),
            (None, Some(_)) => return Err("`unite_scope_claims` needs `scope_claims`".into()),
            (None, None) => base.unite_scopes,
        };
        let (machine_if, user_if) = match (self.machine_if, self.user_if) {
            (None, None) => (base.machine_if, base.user_if),
            (Some(_), None) if has_base => {
                return Err("`machine_if` with a `base` needs `user_if`".into());
            }
            (None, Some(_)) if has_base => {
                return Err("`user_if` with a `base` needs `machine_if`".into());
            }
            (machine, user) => (alternatives(machine)?, alternatives(user)?),
        };
        Ok(Profile {
            name: self.name.into(),
            types: self.types.map_or(base.types, names),
            untyped: base.untyped || self.dangerous_accept_untyped,
            required: self.required_claims.unwrap_or(base.required),
            marks: base.marks,
            may_lack_marks: base.may_lack_marks,
            audience: self.audience_rule.unwrap_or(base.audience),
            audience_claims: self.audience_claims.map_or(base.audience_claims, names),
            scopes: self.scope_claims.unwrap_or(base.scopes),
            unite_scopes,
            roles: self.role_claims.unwrap_or(base.roles),
            role_prefix: self.role_prefix.map_or(base.role_prefix, Into::into),
            client_id: self.client_id_claims.unwrap_or(base.client_id),
            token_id: self.token_id_claims.unwrap_or(base.token_id),
            machine_if,
            user_if,
        })
    }
}

fn alternatives(
    tables: Option<Vec<Vec<Spanned<ConditionTable>>>>,
) -> Result<Vec<Vec<Condition>>, Mistake> {
    let tables = tables.unwrap_or_default();
    tables.into_iter().map(conditions).collect()
}

fn conditions(tables: Vec<Spanned<ConditionTable>>) -> Result<Vec<Condition>, Mistake> {
    tables
        .into_iter()
        .map(|table| {
            let at = table.span().start;
            let condition = table.into_inner().into_condition();
            condition.map_err(|problem| Mistake::at(at, problem))
        })
        .collect()
}
