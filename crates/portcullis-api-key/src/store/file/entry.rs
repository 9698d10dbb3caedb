//! One `[[keys]]` table.
//!
//! It is read by hand, because serde's errors repeat the value, which may be a key pasted in the wrong place.

use std::{fmt::Display, str::FromStr};

use portcullis_core::{Scope, ScopeSet, UnixTime, escape};
use serde::Serialize;
use toml::{
    de::{DeTable, DeValue},
    value::Datetime,
};

use super::time;
use crate::{
    digest::KeyDigest,
    format::{ApiKeyId, KeyPrefix},
    record::KeyRecord,
};

/// A mistake at an offset in the text.
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) problem: String,
}

/// The id of an entry, if it is valid.
pub(super) fn id(entry: &DeTable<'_>) -> Option<ApiKeyId> {
    parsed(entry.get("id")?.get_ref())
}

/// Reads the entry that begins at `start`.
pub(super) fn read(table: DeTable<'_>, start: usize) -> Result<KeyRecord, Mistake> {
    const ID: &str = "the id of a key: twelve letters and digits";
    const TIME: &str = "a time such as 2026-01-31T12:00:00Z";

    let mut fields = Fields { table, start };
    let id = fields.required("id", ID, parsed::<ApiKeyId>)?;
    let digest = fields.required(
        "digest",
        "`sha256:` or `hmac-sha256:VERSION:` and 64 lower-case hexadecimal digits",
        parsed::<KeyDigest>,
    )?;
    let prefix = fields.required(
        "prefix",
        "lower-case letters, digits and single underscores, a letter first",
        |value| KeyPrefix::new(value.as_str()?).ok(),
    )?;
    let owner = fields.required(
        "owner",
        "text of 1 to 128 characters, without control characters",
        |value| {
            value
                .as_str()
                .filter(|owner| KeyRecord::is_owner(owner))
                .map(str::to_owned)
        },
    )?;
    let scopes = fields.required(
        "scopes",
        "a list of scopes: printable ASCII without spaces, quotes and backslashes",
        scopes,
    )?;
    let created_at = fields.required("created_at", TIME, as_time)?;
    // Required, so that a lost line does not make a key valid forever.
    let expires_at = fields.required(
        "expires_at",
        "a time such as 2026-01-31T12:00:00Z, or \"never\"",
        |value| match value.as_str() {
            Some("never") => Some(None),
            _ => as_time(value).map(Some),
        },
    )?;
    let revoked_at = fields.optional("revoked_at", TIME, as_time)?;
    let successor = fields.optional("successor", ID, parsed::<ApiKeyId>)?;
    let revision = fields.required("revision", "a whole number from 1", |value| {
        integer(value).filter(|revision| *revision >= 1)
    })?;
    fields.reject_unknown()?;
    let record = KeyRecord::new(id, digest, owner, created_at).map_err(|error| Mistake {
        at: start,
        problem: error.to_string(),
    })?;
    Ok(record
        .with_prefix(prefix)
        .with_scopes(scopes)
        .with_expires_at(expires_at)
        .with_revoked_at(revoked_at)
        .with_successor(successor)
        .with_revision(revision.cast_unsigned()))
}

struct Fields<'t> {
    table: DeTable<'t>,
    start: usize,
}

impl Fields<'_> {
    fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Result<T, Mistake> {
        self.optional(name, expected, convert)?
            .ok_or_else(|| Mistake {
                at: self.start,
                problem: format!("`{name}` is missing"),
            })
    }

    fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Result<Option<T>, Mistake> {
        let Some(value) = self.table.remove(name) else {
            return Ok(None);
        };
        match convert(value.get_ref()) {
            Some(converted) => Ok(Some(converted)),
            None => Err(Mistake {
                at: value.span().start,
                problem: format!("`{name}` must be {expected}"),
            }),
        }
    }

    /// Rejects misspelt names, whose value would be lost.
    fn reject_unknown(&self) -> Result<(), Mistake> {
        match self.table.iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Mistake {
                at: name.span().start,
                problem: format!("unknown field `{}`", escape(name.get_ref())),
            }),
        }
    }
}

fn parsed<T: FromStr>(value: &DeValue<'_>) -> Option<T> {
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

fn as_time(value: &DeValue<'_>) -> Option<UnixTime> {
    time::from_toml(value.as_datetime()?)
}

fn scopes(value: &DeValue<'_>) -> Option<ScopeSet> {
    let scope = |item: &DeValue<'_>| Scope::parse(item.as_str()?).ok();
    let items = value.as_array()?.iter();
    items.map(|item| scope(item.get_ref())).collect()
}

/// An entry to be written.
#[derive(Serialize)]
pub(super) struct Entry {
    id: String,
    digest: String,
    prefix: String,
    owner: String,
    scopes: ScopeSet,
    created_at: Datetime,
    expires_at: Expiry,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    revision: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Expiry {
    At(Datetime),
    Never(&'static str),
}

impl Entry {
    /// `None` when a time cannot be written as RFC 3339.
    pub(super) fn new(record: &KeyRecord) -> Option<Self> {
        let text = |value: &dyn Display| value.to_string();
        Some(Self {
            id: text(&record.id()),
            digest: text(record.digest()),
            prefix: text(record.prefix()),
            owner: record.owner().to_owned(),
            scopes: record.scopes().clone(),
            created_at: time::to_toml(record.created_at())?,
            expires_at: match record.expires_at() {
                Some(at) => Expiry::At(time::to_toml(at)?),
                None => Expiry::Never("never"),
            },
            revoked_at: match record.revoked_at() {
                Some(at) => Some(time::to_toml(at)?),
                None => None,
            },
            successor: record.successor().map(|id| text(&id)),
            revision: record.revision(),
        })
    }
}
