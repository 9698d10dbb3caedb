//! The tables of a key file. They are read without serde, whose errors repeat the value: it may be an API key that someone
//! pasted there.

use std::str::FromStr;

use portcullis_core::{Scope, ScopeSet, clock::UnixTime, log::escape};
use toml::de::{DeTable, DeValue};

use super::time;
use crate::{
    digest::KeyDigest,
    format::{ApiKeyId, InvalidApiKey, KeyPrefix},
    record::KeyRecord,
};

/// A byte offset in the text, and what is wrong there.
pub(super) type Mistake = (usize, String);

pub(super) struct Fields<'t> {
    pub(super) table: DeTable<'t>,
    pub(super) start: usize,
}

impl Fields<'_> {
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Result<T, Mistake> {
        let value = self.optional(name, expected, convert)?;
        value.ok_or_else(|| (self.start, format!("`{name}` is missing: add it")))
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Result<Option<T>, Mistake> {
        let Some(value) = self.table.remove(name) else {
            return Ok(None);
        };
        let mistake = || (value.span().start, format!("`{name}` must be {expected}"));
        convert(value.get_ref()).map(Some).ok_or_else(mistake)
    }

    /// Rejects fields that were not read. The value of a misspelt field would be lost.
    pub(super) fn reject_unknown(&self) -> Result<(), Mistake> {
        match self.table.iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let name_shown = escape(name.get_ref());
                let problem = format!("unknown field `{name_shown}`: correct or remove it");
                Err((name.span().start, problem))
            }
        }
    }
}

pub(super) fn parsed<T: FromStr>(value: &DeValue<'_>) -> Option<T> {
    value.as_str()?.parse().ok()
}

pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    number
        .as_str()
        .parse()
        .ok()
        .filter(|_| number.radix() == 10)
}

pub(super) fn id(entry: &DeTable<'_>) -> Option<ApiKeyId> {
    parsed(entry.get("id")?.get_ref())
}

pub(super) fn read_entry(table: DeTable<'_>, start: usize) -> Result<KeyRecord, Mistake> {
    const SCOPES: &str = "a list of scopes: printable ASCII without spaces, quotes and backslashes";
    const TIME: &str = "a time without quotes, such as 2026-01-31T12:00:00Z";
    const EXPIRY: &str = "a time without quotes, such as 2026-01-31T12:00:00Z, or \"never\"";

    let owner_at = table.get("owner").map_or(start, |owner| owner.span().start);
    let mut fields = Fields { table, start };
    let id = fields.required("id", InvalidApiKey::ID_FORM, parsed)?;
    let digest: KeyDigest = fields.required("digest", InvalidApiKey::DIGEST_FORM, parsed)?;
    let prefix = |value: &DeValue<'_>| KeyPrefix::new(value.as_str()?).ok();
    let prefix = fields.required("prefix", KeyPrefix::FORM, prefix)?;
    let owner = fields.required("owner", "a text", |value| value.as_str().map(str::to_owned))?;
    let scopes = fields.required("scopes", SCOPES, scopes)?;
    let created_at = fields.required("created_at", TIME, as_time)?;
    // Required, so that a lost line does not make a key valid forever.
    let expires_at = fields.required("expires_at", EXPIRY, |value| match value.as_str() {
        Some("never") => Some(None),
        _ => as_time(value).map(Some),
    })?;
    let revoked_at = fields.optional("revoked_at", TIME, as_time)?;
    let successor = fields.optional("successor", InvalidApiKey::ID_FORM, parsed)?;
    let revision = fields.required("revision", "a whole number from 1", |value| {
        let revision = u64::try_from(integer(value)?).ok();
        revision.filter(|revision| *revision > 0)
    })?;
    fields.reject_unknown()?;
    let record = KeyRecord::new(id, digest, owner, created_at)
        .map_err(|error| (owner_at, error.to_string()))?;
    Ok(KeyRecord {
        prefix,
        scopes,
        expires_at,
        revoked_at,
        successor,
        revision,
        ..record
    })
}

fn as_time(value: &DeValue<'_>) -> Option<UnixTime> {
    time::from_toml(value.as_datetime()?)
}

fn scopes(value: &DeValue<'_>) -> Option<ScopeSet> {
    let scope = |item: &DeValue<'_>| Scope::parse(item.as_str()?).ok();
    let items = value.as_array()?.iter();
    items.map(|item| scope(item.get_ref())).collect()
}
