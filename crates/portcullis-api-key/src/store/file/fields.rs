//! Reads one `[[keys]]` table by hand: every mistake is named with its line, and none of its values is repeated.

use portcullis_core::{Scope, ScopeSet, UnixTime, escape};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::time;
use crate::{ApiKeyId, KeyDigest, KeyPrefix, KeyRecord};

/// What is wrong, and where in the text.
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) problem: String,
}

/// The id of an entry, where it has a good one.
pub(super) fn id(entry: &DeTable<'_>) -> Option<ApiKeyId> {
    match entry.get("id")?.get_ref() {
        DeValue::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The record of an entry that begins at `start`.
pub(super) fn record(entry: DeTable<'_>, start: usize) -> Result<KeyRecord, Mistake> {
    let mut fields = Fields { entry, start };
    let id: ApiKeyId = fields.parsed("id", "the id of a key: twelve letters and digits")?;
    let digest: KeyDigest = fields.parsed(
        "digest",
        "`sha256:` or `hmac-sha256:VERSION:` and 64 lower-case hexadecimal digits",
    )?;
    let prefix = fields.prefix()?;
    let (owner, at) = fields.text("owner")?;
    let scopes = fields.scopes()?;
    let created_at = fields.time("created_at")?;
    let expires_at = fields.expiry()?;
    let revoked_at = fields.optional_time("revoked_at")?;
    let successor = match fields.entry.contains_key("successor") {
        true => Some(fields.parsed("successor", "the id of a key: twelve letters and digits")?),
        false => None,
    };
    let revision = fields.revision()?;
    fields.nothing_is_left()?;
    let record = KeyRecord::new(id, digest, owner, created_at).map_err(|error| Mistake {
        at,
        problem: error.to_string(),
    })?;
    Ok(record
        .with_prefix(prefix)
        .with_scopes(scopes)
        .with_expires_at(expires_at)
        .with_revoked_at(revoked_at)
        .with_successor(successor)
        .with_revision(revision))
}

struct Fields<'i> {
    entry: DeTable<'i>,
    start: usize,
}

impl<'i> Fields<'i> {
    fn take(&mut self, name: &str) -> Option<Spanned<DeValue<'i>>> {
        self.entry.remove(name)
    }

    fn need(&mut self, name: &str) -> Result<Spanned<DeValue<'i>>, Mistake> {
        let start = self.start;
        self.take(name).ok_or_else(|| Mistake {
            at: start,
            problem: format!("`{name}` is missing"),
        })
    }

    fn text(&mut self, name: &str) -> Result<(String, usize), Mistake> {
        let value = self.need(name)?;
        let at = value.span().start;
        match value.into_inner() {
            DeValue::String(text) => Ok((text.into_owned(), at)),
            _ => Err(must_be(at, name, "text")),
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, what: &str) -> Result<T, Mistake> {
        let (text, at) = self.text(name)?;
        text.parse().map_err(|_| must_be(at, name, what))
    }

    fn prefix(&mut self) -> Result<KeyPrefix, Mistake> {
        let (text, at) = self.text("prefix")?;
        KeyPrefix::new(&text).map_err(|_| {
            must_be(
                at,
                "prefix",
                "lower-case letters, digits and single underscores, a letter first",
            )
        })
    }

    fn scopes(&mut self) -> Result<ScopeSet, Mistake> {
        const WHAT: &str =
            "a list of scopes: printable ASCII without spaces, quotes and backslashes";
        let value = self.need("scopes")?;
        let at = value.span().start;
        let DeValue::Array(items) = value.into_inner() else {
            return Err(must_be(at, "scopes", WHAT));
        };
        items
            .into_iter()
            .map(|item| {
                let at = item.span().start;
                let scope = match item.get_ref() {
                    DeValue::String(text) => Scope::parse(text).ok(),
                    _ => None,
                };
                scope.ok_or_else(|| must_be(at, "scopes", WHAT))
            })
            .collect()
    }

    fn time(&mut self, name: &str) -> Result<UnixTime, Mistake> {
        let value = self.need(name)?;
        as_time(&value).ok_or_else(|| {
            must_be(
                value.span().start,
                name,
                "a time such as 2026-01-31T12:00:00Z",
            )
        })
    }

    fn optional_time(&mut self, name: &str) -> Result<Option<UnixTime>, Mistake> {
        if self.entry.contains_key(name) {
            self.time(name).map(Some)
        } else {
            Ok(None)
        }
    }

    /// It must be there: a line that is lost must not make a key live for ever.
    fn expiry(&mut self) -> Result<Option<UnixTime>, Mistake> {
        let value = self.need("expires_at")?;
        match value.get_ref() {
            DeValue::String(text) if text == "never" => Ok(None),
            _ => as_time(&value).map(Some).ok_or_else(|| {
                must_be(
                    value.span().start,
                    "expires_at",
                    "a time such as 2026-01-31T12:00:00Z, or \"never\"",
                )
            }),
        }
    }

    fn revision(&mut self) -> Result<u64, Mistake> {
        let value = self.need("revision")?;
        let number = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        number
            .filter(|revision| (1..=i64::MAX as u64).contains(revision))
            .ok_or_else(|| must_be(value.span().start, "revision", "a whole number from 1"))
    }

    /// A misspelt name must not pass for a setting that was never made.
    fn nothing_is_left(&self) -> Result<(), Mistake> {
        match self.entry.iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Mistake {
                at: name.span().start,
                problem: format!("`{}` is no setting of a key", escape(name.get_ref())),
            }),
        }
    }
}

fn as_time(value: &Spanned<DeValue<'_>>) -> Option<UnixTime> {
    match value.get_ref() {
        DeValue::Datetime(time) => time::from_toml(time),
        _ => None,
    }
}

fn must_be(at: usize, name: &str, what: &str) -> Mistake {
    Mistake {
        at,
        problem: format!("`{name}` must be {what}"),
    }
}
