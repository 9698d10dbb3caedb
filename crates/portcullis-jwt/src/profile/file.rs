//! A profile as TOML.

mod claim;
mod condition;
mod fields;

use std::fmt;

use toml::{Spanned, de::DeTable};

use self::fields::{Fields, Mistake};
use super::{AudienceRule, Condition, KindRule, Profile};

/// What a profile can say. The first is required; so are the others in [`REQUIRED`] unless there is a `base`.
const FIELDS: [&str; 18] = [
    "name",
    "base",
    "types",
    "dangerous_accept_untyped",
    "required_claims",
    "audience_rule",
    "audience_claims",
    "client_id_claims",
    "token_id_claims",
    "scope_claims",
    "unite_scope_claims",
    "role_claims",
    "role_prefix",
    "access_token_if",
    "not_access_token_if",
    "dangerous_without_marks",
    "machine_if",
    "user_if",
];

const REQUIRED: [&str; 3] = ["types", "audience_rule", "required_claims"];

/// What people may look for in a profile and set elsewhere.
const ELSEWHERE: [&str; 12] = [
    "algorithm",
    "algorithms",
    "audience",
    "audiences",
    "client_id",
    "client_ids",
    "exp",
    "issuer",
    "jwks_uri",
    "leeway",
    "max_lifetime",
    "signature",
];

const RULES: [(&str, AudienceRule); 3] = [
    ("audience", AudienceRule::Audience),
    ("client_id", AudienceRule::ClientId),
    ("audience_and_client_id", AudienceRule::AudienceAndClientId),
];

impl Profile {
    /// Reads a profile from the text of a TOML file. Nothing of it can switch off what holds whatever the profile: the
    /// signature, the algorithms, the issuer, the times.
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
    ///     scope_claims = ["scope", "https://example.com/scopes"]
    ///     role_claims = [["realm_access", "roles"], ["groups", "[]", "name"]]
    ///     access_token_if = [{ claim = "use", equals = "access" }]
    ///     not_access_token_if = [{ claim = "nonce", present = true }]
    ///     machine_if = [[{ claim = "sub", is_client = true }]]
    ///     user_if = [[{ claim = "sub", contains = "@" }]]
    /// "#)?;
    /// # Ok::<(), portcullis_jwt::ProfileFileError>(())
    /// ```
    ///
    /// | field | |
    /// |---|---|
    /// | `name` | for logs and errors; required |
    /// | `base` | a preset to begin with, one of [`Profile::NAMES`]. Fields replace what it says, except that conditions are added to its own |
    /// | `types` | [`with_types`](Self::with_types); required without a `base` |
    /// | `dangerous_accept_untyped` | `true`: [`dangerous_accept_untyped`](Self::dangerous_accept_untyped) |
    /// | `required_claims` | [`with_required_claims`](Self::with_required_claims); required without a `base` |
    /// | `audience_rule` | `"audience"`, `"client_id"` or `"audience_and_client_id"`, as [`AudienceRule`]; required without a `base` |
    /// | `audience_claims` | [`with_audience_claims`](Self::with_audience_claims) |
    /// | `client_id_claims`, `token_id_claims` | the claims that name the client, and the token; by default `client_id` and `jti` |
    /// | `scope_claims`, `unite_scope_claims` | the first of these claims that is there counts, or with `true` all of them; by default `scope` and `scp` |
    /// | `role_claims`, `role_prefix` | [`with_role_claims`](Self::with_role_claims), [`with_role_prefix`](Self::with_role_prefix) |
    /// | `access_token_if` | conditions, all of which access tokens meet |
    /// | `not_access_token_if` | conditions, none of which access tokens meet |
    /// | `dangerous_without_marks` | `true`: drops the conditions of the `base`, and needs none |
    /// | `machine_if`, `user_if` | [`KindRule`]: alternatives, each a list of conditions; with a `base`, give both, since they replace both of its rules |
    ///
    /// A claim is a string, which is one name with all dots in it, or an array of strings, which is a
    /// [path](crate::ClaimPath): in an array, `"[]"` is each item, `"{client}"` and `"{audience}"` are members that are
    /// named so, and `"{names}"` are the names of members.
    ///
    /// A condition is a table with `claim` and one of `present` or `is_client` (`true` or `false`), `equals`,
    /// `not_equals`, `absent_or_equals`, `starts_with`, `not_starts_with`, `contains`, `not_contains`, `same_as` (another
    /// claim). With `is_client = true`, a `prefix` and a `suffix` may be around the client's id.
    ///
    /// # Errors
    ///
    /// The first mistake: its line, the field, and what to do.
    pub fn from_toml(text: &str) -> Result<Self, ProfileFileError> {
        let located = |Mistake { at, problem }| ProfileFileError {
            line: at.map(|at| line(text, at)),
            problem,
        };
        let document = DeTable::parse(text).map_err(|error| {
            located(Mistake {
                at: error.span().map(|span| span.start),
                problem: format!("not TOML: {}", error.message()),
            })
        })?;
        read(document).map_err(located)
    }
}

/// Why the text of a file is no profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileFileError {
    line: Option<usize>,
    problem: String,
}

impl ProfileFileError {
    /// The line, from 1, unless it is about the file as a whole.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for ProfileFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for ProfileFileError {}

fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn read(document: Spanned<DeTable<'_>>) -> Result<Profile, Mistake> {
    let mut fields = Fields::new(document.into_inner(), None);
    fields.only(&FIELDS, &ELSEWHERE)?;
    let Some(name) = fields.text("name")? else {
        return Err(fields.missing("name"));
    };
    let has_base = fields.has("base");
    let mut profile = match fields.text("base")? {
        Some(base) => base
            .get_ref()
            .parse()
            .map_err(|_| fields::unknown("profile", &base, &Profile::NAMES))?,
        None => {
            if let Some(missing) = REQUIRED.into_iter().find(|field| !fields.has(field)) {
                return Err(fields.missing(missing));
            }
            Profile::empty("")
        }
    }
    .with_name(name.into_inner());

    if let Some(types) = fields.texts("types")? {
        profile = profile.with_types(types);
    }
    if fields.is_set("dangerous_accept_untyped")? {
        profile = profile.dangerous_accept_untyped();
    }
    if let Some(claims) = fields.claims("required_claims")? {
        profile = profile.with_required_claims(claims);
    }
    if let Some(rule) = fields.text("audience_rule")? {
        let names = RULES.map(|(name, _)| name);
        let found = RULES.iter().find(|(name, _)| *name == *rule.get_ref());
        let (_, rule) = found.ok_or_else(|| fields::unknown("audience rule", &rule, &names))?;
        profile = profile.with_audience_rule(*rule);
    }
    if let Some(claims) = fields.texts("audience_claims")? {
        profile = profile.with_audience_claims(claims);
    }
    if let Some(claims) = fields.claims("client_id_claims")? {
        profile = profile.with_client_id_claims(claims);
    }
    if let Some(claims) = fields.claims("token_id_claims")? {
        profile = profile.with_token_id_claims(claims);
    }
    let unite = fields.flag("unite_scope_claims")?;
    match (fields.claims("scope_claims")?, unite) {
        (Some(claims), Some(true)) => profile = profile.with_united_scope_claims(claims),
        (Some(claims), _) => profile = profile.with_scope_claims(claims),
        (None, Some(_)) => return Err(fields.needs("unite_scope_claims", "scope_claims")),
        (None, None) => {}
    }
    if let Some(claims) = fields.claims("role_claims")? {
        profile = profile.with_role_claims(claims);
    }
    if let Some(prefix) = fields.text("role_prefix")? {
        profile = profile.with_role_prefix(prefix.into_inner());
    }
    if fields.is_set("dangerous_without_marks")? {
        profile = profile.dangerous_without_marks();
    }
    for mark in fields.conditions("access_token_if")?.unwrap_or_default() {
        profile = profile.with_mark(mark);
    }
    for mark in fields
        .conditions("not_access_token_if")?
        .unwrap_or_default()
    {
        profile = profile.with_mark(Condition::not(mark));
    }
    match (
        fields.alternatives("machine_if")?,
        fields.alternatives("user_if")?,
    ) {
        (None, None) => {}
        (Some(_), None) if has_base => return Err(fields.needs("machine_if", "user_if")),
        (None, Some(_)) if has_base => return Err(fields.needs("user_if", "machine_if")),
        (machine, user) => {
            let rule = machine
                .into_iter()
                .flatten()
                .fold(KindRule::new(), KindRule::machine_if);
            let rule = user.into_iter().flatten().fold(rule, KindRule::user_if);
            profile = profile.with_kind_rule(rule);
        }
    }
    profile.check().map_err(|error| Mistake {
        at: None,
        problem: error.problem().to_owned(),
    })?;
    Ok(profile)
}

#[cfg(test)]
mod tests;
