//! A record as JSON and as text.

use std::time::Duration;

use portcullis_api_key::{ApiKeyId, KeyRecord, Limit, to_rfc3339};
use portcullis_core::{clock::UnixTime, log::escape};
use serde_json::{Number, Value, json};

pub(super) fn to_json(record: &KeyRecord, now: UnixTime) -> Value {
    let limit = |limit: Limit| {
        json!({
            "requests": limit.requests(),
            "period_seconds": seconds(limit.period()),
            "burst": limit.burst_size(),
        })
    };
    json!({
        "id": record.id.as_str(),
        "prefix": record.prefix.as_str(),
        "owner": &*record.owner,
        "name": &*record.name,
        "scopes": &record.scopes,
        "tags": record.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(),
        "networks": record.networks.iter().collect::<Vec<_>>(),
        "limit": record.limit.map(limit),
        "state": record.state(now).as_str(),
        "created_at": to_rfc3339(record.created_at),
        "expires_at": record.expires_at.map(to_rfc3339),
        "revoked_at": record.revoked_at.map(to_rfc3339),
        "revoke_reason": record.revoke_reason.as_deref(),
        "last_used_at": record.last_used_at.map(to_rfc3339),
        "use_count": record.use_count,
        "successor": record.successor.as_ref().map(ApiKeyId::as_str),
        "is_foreign": record.is_foreign,
        "pepper_version": record.digest.pepper_version(),
        "revision": record.revision,
    })
}

/// A whole number if it is one.
fn seconds(period: Duration) -> Number {
    let whole = Number::from(period.as_secs());
    match period.subsec_nanos() {
        0 => whole,
        _ => Number::from_f64(period.as_secs_f64()).unwrap_or(whole),
    }
}

/// The lines of `portcullis keys show`.
pub(super) fn describe(record: &KeyRecord, now: UnixTime) -> String {
    let or = |text: String, empty: &str| match text.is_empty() {
        true => empty.to_owned(),
        false => text,
    };
    let tags: Vec<_> = record.tags.iter().map(|tag| escape(tag)).collect();
    let revoked = |at| match &record.revoke_reason {
        Some(reason) => format!("{}: {}", to_rfc3339(at), escape(reason)),
        None => to_rfc3339(at),
    };
    let used = |at| format!("{} ({} times in all)", to_rfc3339(at), record.use_count);
    let limit = |limit: Limit| {
        let period = limit.period().as_secs_f64();
        let (requests, burst) = (limit.requests(), limit.burst_size());
        format!("{requests} requests in {period} s, {burst} at once")
    };
    let pepper = |version| format!("with pepper {version}");
    let form = match record.is_foreign {
        true => "foreign".to_owned(),
        false => format!("begins with {}_{}", record.prefix, record.id),
    };
    let lines = [
        ("id", record.id.to_string()),
        ("form", form),
        ("owner", escape(&record.owner)),
        ("name", or(escape(&record.name), "none")),
        ("tags", or(tags.join(", "), "none")),
        ("scopes", or(record.scopes.to_string(), "none")),
        ("networks", or(record.networks.to_string(), "all")),
        (
            "limit",
            record
                .limit
                .map_or("the default of the service".to_owned(), limit),
        ),
        ("state", record.state(now).as_str().to_owned()),
        ("created", to_rfc3339(record.created_at)),
        (
            "expires",
            record.expires_at.map_or("never".to_owned(), to_rfc3339),
        ),
        (
            "revoked",
            record.revoked_at.map_or("no".to_owned(), revoked),
        ),
        (
            "last used",
            record.last_used_at.map_or("not recorded".to_owned(), used),
        ),
        (
            "successor",
            record
                .successor
                .map_or("none".to_owned(), |id| id.to_string()),
        ),
        (
            "digest",
            record
                .digest
                .pepper_version()
                .map_or("without a pepper".to_owned(), pepper),
        ),
    ];
    let lines = lines.map(|(name, value)| format!("{name:<11}{value}"));
    lines.join("\n")
}

/// `billing`, or `billing (nightly invoices)`.
pub(super) fn owner_and_name(record: &KeyRecord) -> String {
    match record.name.is_empty() {
        true => escape(&record.owner),
        false => format!("{} ({})", escape(&record.owner), escape(&record.name)),
    }
}

/// `2026-01-31`
pub(super) fn day(time: UnixTime) -> String {
    to_rfc3339(time).chars().take("2026-01-31".len()).collect()
}
