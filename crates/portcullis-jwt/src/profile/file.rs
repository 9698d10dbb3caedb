//! Profiles as TOML.

mod claim;
mod condition;
mod fields;

use toml::Spanned;

use self::fields::{Fields, Mistake, unknown};
use super::{Condition, Profile};

impl Profile {
    /// Reads a profile from the text of a TOML file. The guide (`portcullis::guide::issuers`) describes every field.
    ///
    /// A profile cannot switch off the checks of the signature, the algorithms, the issuer and the times.
    ///
    /// ```
    /// use portcullis_jwt::Profile;
    ///
    /// let profile = Profile::from_toml(r#"
    ///     name = "example"
    ///     types = ["JWT"]
    ///     audience_rule = "audience"
    ///     required_claims = ["sub", "iat", "client_id"]
    ///     client_id_claims = ["azp"]
    ///     role_claims = [["realm_access", "roles"], ["groups", "[]", "name"]]
    ///     access_token_if = [{ claim = "use", equals = "access" }]
    ///     machine_if = [[{ claim = "sub", is_client = true }]]
    /// "#)?;
    /// # Ok::<(), portcullis_jwt::ProfileFileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first mistake, in most cases with its line.
    pub fn from_toml(text: &str) -> Result<Self, ProfileFileError> {
        read(text).map_err(|Mistake { at, problem }| {
            let before = at.and_then(|at| text.as_bytes().get(..at));
            let line = before.map(|text| 1 + text.iter().filter(|byte| **byte == b'\n').count());
            let place = line.map(|line| format!("line {line}: "));
            ProfileFileError(place.unwrap_or_default() + &problem)
        })
    }
}

/// Why the text of a file is not a profile: the first mistake, in most cases with its line.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProfileFileError(String);

portcullis_core::debug_as_report!(ProfileFileError);

fn read(text: &str) -> Result<Profile, Mistake> {
    let mut fields = Fields::parse(text)?;
    let base: Option<Spanned<String>> = fields.take("base")?;
    let has_base = base.is_some();
    let mut profile = match base {
        Some(name) => name.get_ref().parse().map_err(|_| {
            let at = name.span().start;
            unknown("profile", name.get_ref(), at, &Profile::NAMES)
        })?,
        None => Profile::empty(""),
    };
    let has_name = fields.set("name", &mut profile.name)?;
    let has_types = fields.set("types", &mut profile.types)?;
    if fields.take("dangerous_accept_untyped")? == Some(true) {
        profile.untyped = true;
    }
    let has_required = fields.set("required_claims", &mut profile.required)?;
    let has_audience_rule = fields.set("audience_rule", &mut profile.audience)?;
    fields.set("audience_claims", &mut profile.audience_claims)?;
    fields.set("client_id_claims", &mut profile.client_id)?;
    fields.set("token_id_claims", &mut profile.token_id)?;
    let has_scopes = fields.set("scope_claims", &mut profile.scopes)?;
    profile.unite_scopes &= !has_scopes;
    let has_unite_scopes = fields.set("unite_scope_claims", &mut profile.unite_scopes)?;
    fields.set("role_claims", &mut profile.roles)?;
    fields.set("role_prefix", &mut profile.role_prefix)?;
    if fields.take("dangerous_without_marks")? == Some(true) {
        profile = profile.dangerous_without_marks();
    }
    let marks: Option<Vec<Condition>> = fields.take("access_token_if")?;
    profile.marks.extend(marks.into_iter().flatten());
    let others: Option<Vec<Condition>> = fields.take("not_access_token_if")?;
    let others = others.into_iter().flatten().map(Condition::not);
    profile.marks.extend(others);
    let has_machine = fields.set("machine_if", &mut profile.machine_if)?;
    let has_user = fields.set("user_if", &mut profile.user_if)?;
    fields.check_unknown()?;

    let unset = [
        ("types", !has_types),
        ("audience_rule", !has_audience_rule),
        ("required_claims", !has_required),
    ];
    let mut missing = unset.iter().filter(|(_, is_unset)| *is_unset && !has_base);
    if !has_name {
        return Err("`name` is missing: give the profile a name".into());
    } else if let Some((field, _)) = missing.next() {
        return Err(format!("the profile has no `{field}`: add it or a `base` with it").into());
    } else if has_unite_scopes && !has_scopes {
        return Err("`unite_scope_claims` needs `scope_claims`".into());
    } else if has_base && has_machine && !has_user {
        return Err("`user_if` is missing: with a `base`, `machine_if` needs it".into());
    } else if has_base && has_user && !has_machine {
        return Err("`machine_if` is missing: with a `base`, `user_if` needs it".into());
    }
    match profile.check() {
        Err(error) => Err(error.problem().into()),
        Ok(()) => Ok(profile),
    }
}

#[cfg(test)]
mod tests;
