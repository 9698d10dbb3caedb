//! A claim in a profile file: a name, or an array with the names of a path.

use serde::de::{Deserialize, Deserializer, Error};

use crate::ClaimPath;

impl<'de> Deserialize<'de> for ClaimPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A newtype, so that `toml` adds the position to an error of `path`.
        #[derive(serde::Deserialize)]
        struct Newtype(#[serde(deserialize_with = "path")] ClaimPath);

        Newtype::deserialize(deserializer).map(|path| path.0)
    }
}

#[derive(serde::Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a claim, or the names of a path to it, such as [\"realm_access\", \"roles\"]"
)]
enum Names {
    Claim(String),
    Path(Vec<String>),
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ClaimPath, D::Error> {
    let mut names = match Names::deserialize(deserializer)? {
        Names::Claim(name) => return Ok(name.into()),
        Names::Path(names) => names.into_iter(),
    };
    let first = names.next().filter(|name| !is_marker(name));
    let first = first.ok_or_else(|| D::Error::custom("a path starts with the name of a claim"))?;
    names.try_fold(ClaimPath::from(first), |path, name| match &*name {
        "[]" => Ok(path.each()),
        "{client}" => Ok(path.client_member()),
        "{audience}" => Ok(path.audience_member()),
        "{names}" => Ok(path.member_names()),
        _ if is_marker(&name) => Err(D::Error::custom(format_args!(
            "unknown `{name}` in a path, expected `{{client}}`, `{{audience}}`, `{{names}}` or `[]`"
        ))),
        _ => Ok(path.member(name)),
    })
}

fn is_marker(name: &str) -> bool {
    let name = name.trim();
    name.starts_with('[') && name.ends_with(']') || name.starts_with('{') && name.ends_with('}')
}
