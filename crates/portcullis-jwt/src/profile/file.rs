//! Profiles as TOML.

mod claim;
mod condition;
mod table;

use std::ops::Range;

use serde::Deserialize;
use toml::de::{DeTable, Deserializer};

use self::table::ProfileTable;
use super::Profile;

/// The fields of [`ProfileTable`], listed here so that an unknown one gets a suggestion.
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

/// Settings that users may look for in a profile, and that belong elsewhere.
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

impl Profile {
    /// Reads a profile from the text of a TOML file.
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
    /// | `base` | a preset to start from, one of [`Profile::NAMES`]. A field replaces that of the preset; conditions are added to those of the preset |
    /// | `types` | [`types`](Self::types); required without a `base` |
    /// | `dangerous_accept_untyped` | `true`: [`dangerous_accept_untyped`](Self::dangerous_accept_untyped) |
    /// | `required_claims` | [`required_claims`](Self::required_claims); required without a `base` |
    /// | `audience_rule` | `"audience"`, `"client_id"` or `"audience_and_client_id"`, as [`AudienceRule`](super::AudienceRule); required without a `base` |
    /// | `audience_claims` | [`audience_claims`](Self::audience_claims) |
    /// | `client_id_claims`, `token_id_claims` | the claims that name the client and the token; by default `client_id` and `jti` |
    /// | `scope_claims`, `unite_scope_claims` | the first of these claims that is present counts, or with `true` all of them; by default `scope` and `scp` |
    /// | `role_claims`, `role_prefix` | [`role_claims`](Self::role_claims), [`role_prefix`](Self::role_prefix) |
    /// | `access_token_if` | access tokens meet all of these conditions |
    /// | `not_access_token_if` | access tokens meet none of these conditions |
    /// | `dangerous_without_marks` | `true`: removes the conditions of the `base`; none are required then |
    /// | `machine_if`, `user_if` | [`kind_rule`](Self::kind_rule): alternatives, each a list of conditions; with a `base`, set both, since they replace both of its rules |
    ///
    /// A claim is a string, which is one name including its dots, or an array of strings, which is a
    /// [path](crate::ClaimPath). In a path, `"[]"` is each item, `"{client}"` and `"{audience}"` are the members that are
    /// named like the client and an audience, and `"{names}"` are the names of the members.
    ///
    /// A condition is a table with `claim` and one of `present` or `is_client` (`true` or `false`), `equals`,
    /// `not_equals`, `absent_or_equals`, `starts_with`, `not_starts_with`, `contains`, `not_contains`, `same_as` (another
    /// claim). With `is_client`, a `prefix` and a `suffix` around the client's id may be set.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line and field.
    pub fn from_toml(text: &str) -> Result<Self, ProfileFileError> {
        read(text).map_err(|Mistake { at, problem }| ProfileFileError {
            line: at.map(|at| line(text, at)),
            problem,
        })
    }
}

/// Why the text of a file is not a profile.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct ProfileFileError {
    line: Option<usize>,
    problem: String,
}

impl ProfileFileError {
    /// The line, from 1, unless the error is about the file as a whole.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

portcullis_core::debug_as_report!(ProfileFileError);

/// A mistake and its position in the text.
struct Mistake {
    at: Option<usize>,
    problem: String,
}

impl Mistake {
    fn at(position: usize, problem: impl Into<String>) -> Self {
        Self {
            at: Some(position),
            problem: problem.into(),
        }
    }
}

impl From<&str> for Mistake {
    fn from(problem: &str) -> Self {
        Self {
            at: None,
            problem: problem.to_owned(),
        }
    }
}

fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn read(text: &str) -> Result<Profile, Mistake> {
    let document = DeTable::parse(text).map_err(|error| Mistake {
        at: error.span().map(|span| span.start),
        problem: format!("invalid TOML: {}", error.message()),
    })?;
    check_fields(document.get_ref())?;
    let values: Vec<(String, Range<usize>)> = document
        .get_ref()
        .iter()
        .map(|(name, value)| (name.get_ref().to_string(), value.span()))
        .collect();
    let table = ProfileTable::deserialize(Deserializer::from(document)).map_err(|error| {
        // The message quotes the file.
        let message = error.message().replace(char::is_control, "?");
        let at = error.span().map(|span| span.start);
        let is_here = |span: &Range<usize>| at.is_some_and(|at| span.contains(&at));
        match values.iter().find(|(_, span)| is_here(span)) {
            Some((name, _)) => {
                let is_flat = message.ends_with("map, expected a sequence");
                let hint = match &**name {
                    "machine_if" | "user_if" if is_flat => ": write a list of lists: [[{ … }]]",
                    _ => "",
                };
                Mistake {
                    at,
                    problem: format!("`{name}`: {message}{hint}"),
                }
            }
            None => Mistake::from(&*message),
        }
    })?;
    let profile = table.into_profile()?;
    profile
        .check()
        .map_err(|error| Mistake::from(error.problem()))?;
    Ok(profile)
}

/// Rejects unknown fields, with a hint where the user may have meant another.
fn check_fields(document: &DeTable<'_>) -> Result<(), Mistake> {
    let is_unknown = |name: &&str| !FIELDS.contains(name);
    let names = document
        .keys()
        .map(|name| (name.span().start, &**name.get_ref()));
    let Some((at, name)) = names.filter(|(_, name)| is_unknown(name)).min() else {
        return Ok(());
    };
    if ELSEWHERE.contains(&name) {
        let problem =
            format!("`{name}` is not part of a profile: set it where the issuer is configured");
        return Err(Mistake::at(at, problem));
    }
    Err(unknown("field", name, at, &FIELDS))
}

fn unknown(what: &str, name: &str, at: usize, known: &[&str]) -> Mistake {
    let nearest = known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = match nearest {
        Some((_, nearest)) => format!("did you mean `{nearest}`?"),
        None => format!("expected one of {}", known.join(", ")),
    };
    let name = portcullis_core::log::escape(name);
    Mistake::at(at, format!("unknown {what} `{name}`; {hint}"))
}

#[cfg(test)]
mod tests;
