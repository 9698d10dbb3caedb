//! One `[[keys]]` table.

use portcullis_core::{Scope, ScopeSet, clock::UnixTime};
use serde::Serialize;
use toml::{
    Value,
    de::{DeTable, DeValue},
    value::Datetime,
};

use super::{
    fields::{Fields, Mistake, integer, parsed},
    time,
};
use crate::{
    digest::KeyDigest,
    format::{ApiKeyId, InvalidApiKey, KeyPrefix},
    record::KeyRecord,
};

/// The id of an entry, if it is valid.
pub(super) fn id(entry: &DeTable<'_>) -> Option<ApiKeyId> {
    parsed(entry.get("id")?.get_ref())
}

/// Reads the entry that begins at `start`.
pub(super) fn read(table: DeTable<'_>, start: usize) -> Result<KeyRecord, Mistake> {
    const SCOPES: &str = "a list of scopes: printable ASCII without spaces, quotes and backslashes";
    const TIME: &str = "a time such as 2026-01-31T12:00:00Z";
    const EXPIRY: &str = "a time such as 2026-01-31T12:00:00Z, or \"never\"";

    let owner_at = table.get("owner").map_or(start, |owner| owner.span().start);
    let mut fields = Fields { table, start };
    let id = fields.required("id", InvalidApiKey::ID_FORM, parsed)?;
    let digest: KeyDigest = fields.required("digest", InvalidApiKey::DIGEST_FORM, parsed)?;
    let prefix = |value: &DeValue<'_>| KeyPrefix::new(value.as_str()?).ok();
    let prefix = fields.required("prefix", KeyPrefix::FORM, prefix)?;
    let owner = fields.required("owner", "text", |value| value.as_str().map(str::to_owned))?;
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
        u64::try_from(integer(value)?)
            .ok()
            .filter(|revision| *revision > 0)
    })?;
    fields.reject_unknown()?;
    let record = KeyRecord::new(id, digest, owner, created_at)
        .map_err(|error| Mistake::new(owner_at, error.to_string()))?;
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

/// An entry to be written.
#[derive(Serialize)]
pub(super) struct Entry {
    id: String,
    digest: String,
    prefix: String,
    owner: String,
    scopes: ScopeSet,
    created_at: Datetime,
    expires_at: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    revision: i64,
}

impl Entry {
    pub(super) fn new(record: &KeyRecord) -> Self {
        let expires_at = record.expires_at.map(time::to_toml);
        Self {
            id: record.id.to_string(),
            digest: record.digest.to_string(),
            prefix: record.prefix.to_string(),
            owner: record.owner.to_string(),
            scopes: record.scopes.clone(),
            created_at: time::to_toml(record.created_at),
            expires_at: expires_at.map_or(Value::from("never"), Value::Datetime),
            revoked_at: record.revoked_at.map(time::to_toml),
            successor: record.successor.map(|id| id.to_string()),
            revision: i64::try_from(record.revision).unwrap_or(i64::MAX),
        }
    }
}
