//! Writes the content of a key file, as `document.rs` reads it.

use toml::Value;

use super::{document::VERSION, time::to_rfc3339};
use crate::{
    hex::Hex,
    limit::Limit,
    record::{Idempotency, KeyRecord},
};

pub(super) fn render(records: &[KeyRecord]) -> String {
    // `version`, which is required, follows `count`: a file that is cut after `count` is malformed.
    let mut text = format!(
        "# API keys, written by `portcullis keys`. Only digests are stored, not the keys.\n\
         # Comments are lost when the file is next written.\n\
         count = {}\n\
         version = {VERSION}\n",
        records.len()
    );
    for record in records {
        text.push_str("\n[[keys]]\n");
        for (name, value) in fields(record) {
            text.push_str(&format!("{name} = {value}\n"));
        }
    }
    text
}

fn fields(record: &KeyRecord) -> Vec<(&'static str, String)> {
    let value = |text: &str| Value::from(text).to_string();
    let expires_at = record.expires_at.map(to_rfc3339);
    let mut fields = vec![
        ("id", quoted(record.id.as_str())),
        ("digest", quoted(&record.digest.to_string())),
        ("prefix", quoted(record.prefix.as_str())),
        ("owner", value(&record.owner)),
    ];
    if !record.name.is_empty() {
        fields.push(("name", value(&record.name)));
    }
    if !record.tags.is_empty() {
        fields.push(("tags", list(record.tags.iter().map(|tag| &**tag))));
    }
    fields.push(("scopes", list(record.scopes.iter())));
    if !record.networks.are_all() {
        let networks: Vec<String> = record.networks.iter().collect();
        fields.push(("networks", Value::from(networks).to_string()));
    }
    fields.extend(record.limit.map(|it| ("limit", limit(it))));
    fields.push(("created_at", to_rfc3339(record.created_at)));
    fields.push(("expires_at", expires_at.unwrap_or(quoted("never"))));
    fields.extend(record.revoked_at.map(|at| ("revoked_at", to_rfc3339(at))));
    let reason = record.revoke_reason.as_deref();
    fields.extend(reason.map(|reason| ("revoke_reason", value(reason))));
    fields.extend((record.successor).map(|id| ("successor", quoted(id.as_str()))));
    if record.is_foreign {
        fields.push(("foreign", "true".to_owned()));
    }
    fields.extend((record.idempotency).map(|it| ("idempotency", idempotency(it))));
    // The last field is a required one: a file that is cut within an entry is malformed.
    let revision = record.revision.min(i64::MAX as u64);
    fields.push(("revision", revision.to_string()));
    fields
}

/// A text that needs no escapes.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    Value::from(texts.collect::<Vec<_>>()).to_string()
}

fn limit(limit: Limit) -> String {
    format!(
        "{{ requests = {}, period_ms = {}, burst = {} }}",
        limit.requests(),
        limit.period().as_millis(),
        limit.burst_size()
    )
}

fn idempotency(Idempotency { key, request }: Idempotency) -> String {
    format!("[\"{}\", \"{}\"]", Hex(&key), Hex(&request))
}
