//! A claim in a profile file: a name, or an array with the names of a path.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::ClaimPath;

impl<'de> Deserialize<'de> for ClaimPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ClaimVisitor;

        impl<'de> Visitor<'de> for ClaimVisitor {
            type Value = ClaimPath;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the name of a claim, or the names of a path to it, such as [\"realm_access\", \"roles\"]",
                )
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<ClaimPath, E> {
                Ok(ClaimPath::from(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<ClaimPath, A::Error> {
                let first = names.next_element::<String>()?;
                let first = first
                    .filter(|name| !is_marker(name))
                    .ok_or_else(|| A::Error::custom("a path starts with the name of a claim"))?;
                let mut path = ClaimPath::from(first);
                while let Some(name) = names.next_element::<String>()? {
                    path = match &*name {
                        "[]" => path.each(),
                        "{client}" => path.client_member(),
                        "{audience}" => path.audience_member(),
                        "{names}" => path.member_names(),
                        _ if is_marker(&name) => {
                            return Err(A::Error::custom(format_args!(
                                "unknown `{name}` in a path, expected `{{client}}`, `{{audience}}`, `{{names}}` or `[]`"
                            )));
                        }
                        _ => path.member(name),
                    };
                }
                Ok(path)
            }
        }

        deserializer.deserialize_any(ClaimVisitor)
    }
}

/// Whether this is a marker, or a mistyped one.
fn is_marker(name: &str) -> bool {
    let name = name.trim();
    [('[', ']'), ('{', '}')]
        .iter()
        .any(|(start, end)| name.starts_with(*start) && name.ends_with(*end))
}
