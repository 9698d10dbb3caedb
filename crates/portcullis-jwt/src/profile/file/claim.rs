//! A claim: a name, or a list of the names of a path.

use toml::{Spanned, de::DeValue};

use super::fields::{Mistake, as_text, must_be};
use crate::ClaimPath;

pub(super) fn read(value: Spanned<DeValue<'_>>, field: &str) -> Result<ClaimPath, Mistake> {
    let at = value.span().start;
    let DeValue::Array(names) = value.get_ref() else {
        let name = as_text(&value).ok_or_else(|| must_be(&value, field))?;
        return not_empty(at, name).map(ClaimPath::from);
    };
    let mut names = names.iter().map(|name| {
        let text = as_text(name).ok_or_else(|| must_be(name, field))?;
        Ok((name.span().start, not_empty(name.span().start, text)?))
    });
    let (first_at, first) = names.next().unwrap_or_else(|| {
        Err(Mistake::new(
            at,
            format!("`{field}` has a path without names"),
        ))
    })?;
    if is_marker(&first) {
        return Err(Mistake::new(
            first_at,
            format!("a path begins with the name of a claim, not with `{first}`"),
        ));
    }
    names.try_fold(ClaimPath::from(first), |path, name| {
        let (at, name) = name?;
        Ok(match &*name {
            "[]" => path.each(),
            "{client}" => path.client_member(),
            "{audience}" => path.audience_member(),
            "{names}" => path.member_names(),
            _ if is_marker(&name) => {
                let problem = format!(
                    "unknown `{}` in a path; there are `{{client}}`, `{{audience}}`, `{{names}}` and `[]`",
                    portcullis_core::escape(&name)
                );
                return Err(Mistake::new(at, problem));
            }
            _ => path.member(name),
        })
    })
}

fn not_empty(at: usize, name: String) -> Result<String, Mistake> {
    if name.is_empty() {
        Err(Mistake::new(at, "the name of a claim is empty"))
    } else {
        Ok(name)
    }
}

fn is_marker(name: &str) -> bool {
    name == "[]" || name.starts_with('{') && name.ends_with('}')
}
