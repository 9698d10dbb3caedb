//! The fields of one table, each read by name. Every mistake is named with its place.

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{claim, condition};
use crate::{ClaimPath, Condition};

/// What is wrong, and where in the text.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) at: Option<usize>,
    pub(super) problem: String,
}

impl Mistake {
    pub(super) fn new(at: usize, problem: impl Into<String>) -> Self {
        Self {
            at: Some(at),
            problem: problem.into(),
        }
    }
}

pub(super) struct Fields<'i> {
    table: DeTable<'i>,
    /// Where the table begins, unless it is the whole document.
    start: Option<usize>,
}

impl<'i> Fields<'i> {
    pub(super) fn new(table: DeTable<'i>, start: Option<usize>) -> Self {
        Self { table, start }
    }

    /// Refuses a field that is none of `known`. `elsewhere` are those that a profile has no say in.
    pub(super) fn only(&self, known: &[&str], elsewhere: &[&str]) -> Result<(), Mistake> {
        let mut names: Vec<_> = self.table.keys().collect();
        names.sort_by_key(|name| name.span().start);
        for name in names {
            let (at, text) = (name.span().start, name.get_ref());
            if elsewhere.contains(&&**text) {
                let problem = format!(
                    "`{text}` is not part of a profile, which can neither set nor change it: set it where the issuer is \
                     configured"
                );
                return Err(Mistake::new(at, problem));
            }
            if !known.contains(&&**text) {
                let name = Spanned::new(name.span(), text.to_string());
                return Err(unknown("field", &name, known));
            }
        }
        Ok(())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    pub(super) fn missing(&self, name: &str) -> Mistake {
        Mistake {
            at: self.start,
            problem: format!("`{name}` is missing: {}", example(name)),
        }
    }

    pub(super) fn needs(&self, name: &str, other: &str) -> Mistake {
        Mistake {
            at: self.start,
            problem: format!("`{name}` needs `{other}`: add `{other}`, or remove `{name}`"),
        }
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<Spanned<String>>, Mistake> {
        let Some(value) = self.table.remove(name) else {
            return Ok(None);
        };
        as_text(&value)
            .map(|text| Some(Spanned::new(value.span(), text)))
            .ok_or_else(|| must_be(&value, name))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Mistake> {
        match self.table.remove(name) {
            None => Ok(None),
            Some(value) => match value.get_ref() {
                DeValue::Boolean(flag) => Ok(Some(*flag)),
                _ => Err(must_be(&value, name)),
            },
        }
    }

    pub(super) fn is_set(&mut self, name: &str) -> Result<bool, Mistake> {
        Ok(self.flag(name)?.unwrap_or_default())
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Mistake> {
        self.list(name, |item| {
            as_text(&item).ok_or_else(|| must_be(&item, name))
        })
    }

    pub(super) fn claim(&mut self, name: &str) -> Result<Option<ClaimPath>, Mistake> {
        self.table
            .remove(name)
            .map(|value| claim::read(value, name))
            .transpose()
    }

    pub(super) fn claims(&mut self, name: &str) -> Result<Option<Vec<ClaimPath>>, Mistake> {
        self.list(name, |item| claim::read(item, name))
    }

    pub(super) fn conditions(&mut self, name: &str) -> Result<Option<Vec<Condition>>, Mistake> {
        self.list(name, |item| condition::read(item, name))
    }

    pub(super) fn alternatives(
        &mut self,
        name: &str,
    ) -> Result<Option<Vec<Vec<Condition>>>, Mistake> {
        self.list(name, |item| match item.get_ref() {
            DeValue::Array(conditions) if conditions.is_empty() => {
                let problem = format!(
                    "`{name}` has an alternative without conditions: add one or leave it out"
                );
                Err(Mistake::new(item.span().start, problem))
            }
            DeValue::Array(_) => items(item, name)?
                .into_iter()
                .map(|condition| condition::read(condition, name))
                .collect(),
            _ => Err(must_be(&item, name)),
        })
    }

    fn list<T>(
        &mut self,
        name: &str,
        read: impl FnMut(Spanned<DeValue<'i>>) -> Result<T, Mistake>,
    ) -> Result<Option<Vec<T>>, Mistake> {
        let Some(value) = self.table.remove(name) else {
            return Ok(None);
        };
        items(value, name)?
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

fn items<'i>(value: Spanned<DeValue<'i>>, name: &str) -> Result<DeArray<'i>, Mistake> {
    let wrong = must_be(&value, name);
    match value.into_inner() {
        DeValue::Array(items) => Ok(items),
        _ => Err(wrong),
    }
}

pub(super) fn as_text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        _ => None,
    }
}

/// A name that is not among the known ones: those, and the one that may have been meant.
pub(super) fn unknown(what: &str, name: &Spanned<String>, known: &[&str]) -> Mistake {
    let text = name.get_ref();
    let near = known
        .iter()
        .map(|known| (strsim::jaro_winkler(text, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let shown = portcullis_core::escape(text);
    let problem = match near {
        Some((_, near)) => format!("unknown {what} `{shown}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{shown}`; there are {}", known.join(", ")),
    };
    Mistake::new(name.span().start, problem)
}

pub(super) fn must_be(value: &Spanned<DeValue<'_>>, name: &str) -> Mistake {
    Mistake::new(
        value.span().start,
        format!("`{name}` has the wrong type: {}", example(name)),
    )
}

/// How a field is written.
fn example(name: &str) -> &'static str {
    match name {
        "name" => "write a text, such as name = \"my issuer\"",
        "base" => "write the name of a preset, such as base = \"rfc9068\"",
        "types" => "write the header's `typ` of access tokens, such as types = [\"at+jwt\"]",
        "audience_rule" => {
            "write audience_rule = \"audience\", \"client_id\" or \"audience_and_client_id\""
        }
        "audience_claims" => "write names of claims, such as audience_claims = [\"aud\"]",
        "access_token_if" | "not_access_token_if" => {
            "write a list of conditions, such as [{ claim = \"use\", equals = \"access\" }]"
        }
        "machine_if" | "user_if" => {
            "write a list of lists of conditions, such as [[{ claim = \"sub\", is_client = true }]]"
        }
        "claim" | "same_as" => {
            "write the name of a claim, or the names of a path to it, such as [\"realm_access\", \"roles\"]"
        }
        "dangerous_accept_untyped"
        | "dangerous_without_marks"
        | "unite_scope_claims"
        | "present"
        | "is_client" => "write true or false",
        "required_claims" => {
            "write names of claims, such as required_claims = [\"sub\", \"iat\", \"client_id\"]"
        }
        name if name.ends_with("_claims") => {
            "write a list in which each claim is a name, or a list of the names of a path, such as \
             [\"scope\", [\"realm_access\", \"roles\"]]"
        }
        _ => "write a text",
    }
}
