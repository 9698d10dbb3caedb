//! The table of a key.

use std::{collections::BTreeSet, time::Duration};

use portcullis_core::Scope;
use toml::de::{DeTable, DeValue};

use super::fields::{Fields, Mistake, as_time, integer, list, parsed, text};
use crate::{
    digest::KeyDigest,
    error::KeyError,
    format::{ApiKeyId, InvalidApiKey, KeyPrefix},
    hex,
    limit::Limit,
    networks::Networks,
    record::{Idempotency, KeyRecord},
};

const SCOPES: &str = "a list of scopes: printable ASCII without spaces, quotes and backslashes";
const NETWORKS: &str = "a list of at most 64 networks such as \"192.0.2.0/24\"";
const LIMIT: &str =
    "such as { requests = 100, period_ms = 60000, burst = 20 }, with a period from 1 s to a day";
const TIME: &str = "a time without quotes, such as 2026-01-31T12:00:00Z";
const EXPIRY: &str = "a time without quotes, such as 2026-01-31T12:00:00Z, or \"never\"";
const IDEMPOTENCY: &str = "a list of two texts of 64 lower-case hexadecimal digits";

pub(super) fn id(entry: &DeTable<'_>) -> Option<ApiKeyId> {
    parsed(entry.get("id")?.get_ref())
}

pub(super) fn read_entry(table: DeTable<'_>, start: usize) -> Result<KeyRecord, Mistake> {
    let starts = |name| table.get(name).map_or(start, |value| value.span().start);
    let owner_at = starts("owner");
    let texts_at = ["name", "tags", "revoke_reason"].map(starts);
    let mut fields = Fields { table, start };
    let id = fields.required("id", InvalidApiKey::ID_FORM, parsed)?;
    let digest: KeyDigest = fields.required("digest", InvalidApiKey::DIGEST_FORM, parsed)?;
    let prefix = |value: &DeValue<'_>| KeyPrefix::new(value.as_str()?).ok();
    let prefix = fields.required("prefix", KeyPrefix::FORM, prefix)?;
    let owner = fields.required("owner", "a text", text)?;
    let name = fields.optional("name", "a text", text)?;
    let tags = |value: &DeValue<'_>| list::<_, BTreeSet<_>>(value, |tag| Some(tag.into()));
    let tags = fields.optional("tags", "a list of texts", tags)?;
    let scopes = |value: &DeValue<'_>| list(value, |scope| Scope::parse(scope).ok());
    let scopes = fields.required("scopes", SCOPES, scopes)?;
    let networks = fields.optional("networks", NETWORKS, networks)?;
    let limit = fields.optional("limit", LIMIT, limit)?;
    let created_at = fields.required("created_at", TIME, as_time)?;
    // Required, so that a lost line does not make a key valid forever.
    let expires_at = fields.required("expires_at", EXPIRY, |value| match value.as_str() {
        Some("never") => Some(None),
        _ => as_time(value).map(Some),
    })?;
    let revoked_at = fields.optional("revoked_at", TIME, as_time)?;
    let revoke_reason = fields.optional("revoke_reason", "a text", text)?;
    let successor = fields.optional("successor", InvalidApiKey::ID_FORM, parsed)?;
    let is_foreign = fields.optional("foreign", "true or false", |value| value.as_bool())?;
    let idempotency = fields.optional("idempotency", IDEMPOTENCY, idempotency)?;
    let revision = fields.required("revision", "a whole number from 1", |value| {
        let revision = u64::try_from(integer(value)?).ok();
        revision.filter(|revision| *revision > 0)
    })?;
    fields.reject_unknown()?;
    let record = KeyRecord::new(id, digest, owner, created_at)
        .map_err(|error| (owner_at, error.to_string()))?;
    let record = KeyRecord {
        prefix,
        name: name.unwrap_or_default(),
        tags: tags.unwrap_or_default(),
        scopes,
        networks: networks.unwrap_or_default(),
        limit,
        expires_at,
        revoked_at,
        revoke_reason,
        successor,
        is_foreign: is_foreign.unwrap_or(false),
        idempotency,
        revision,
        ..record
    };
    let checked = record.check_texts();
    checked.map_err(|error| (wrong_text(&error, texts_at, start), error.to_string()))?;
    Ok(record)
}

/// Where the text is that has the error.
fn wrong_text(error: &KeyError, [name, tags, reason]: [usize; 3], start: usize) -> usize {
    match error {
        KeyError::Name => name,
        KeyError::Tags => tags,
        KeyError::Reason => reason,
        _ => start,
    }
}

fn networks(value: &DeValue<'_>) -> Option<Networks> {
    let blocks: Vec<String> = list(value, |block| Some(block.to_owned()))?;
    Networks::parse(blocks).ok()
}

fn limit(value: &DeValue<'_>) -> Option<Limit> {
    let table = value.as_table()?;
    let number = |name| integer(table.get(name)?.get_ref());
    let requests = u32::try_from(number("requests")?).ok()?;
    let period = Duration::from_millis(u64::try_from(number("period_ms")?).ok()?);
    let limit = Limit::new(requests, period).ok()?;
    match table.contains_key("burst") {
        false if table.len() == 2 => Some(limit),
        true if table.len() == 3 => limit.burst(u32::try_from(number("burst")?).ok()?).ok(),
        _ => None, // an unknown field
    }
}

fn idempotency(value: &DeValue<'_>) -> Option<Idempotency> {
    let digests: Vec<[u8; 32]> = list(value, hex::decode)?;
    let [key, request] = digests.try_into().ok()?;
    Some(Idempotency { key, request })
}
