//! Keys as responses show them.

use std::time::Duration;

use jiff::Timestamp;
use portcullis_api_key::{KeyRecord, Limit};
use portcullis_core::clock::UnixTime;
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

/// The metadata of a key. Times are RFC 3339, in UTC.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyMetadata {
    /// The public id, the middle part of the key.
    #[schema(pattern = "^[0-9A-Za-z]{12}$")]
    id: String,
    /// Whom the key belongs to: the caller's subject.
    owner: String,
    /// A name for people; may be empty.
    name: String,
    /// What a caller with the key may do.
    scopes: Vec<String>,
    /// Tags for people and scripts.
    tags: Vec<String>,
    /// Whether the key can be used.
    #[schema(value_type = State)]
    state: &'static str,
    /// The beginning of the key.
    prefix: String,
    /// The networks that the key may be used from, as CIDR blocks; empty for all.
    networks: Vec<String>,
    /// How often the key may be used; null for the default of the service.
    #[schema(required = true)]
    limit: Option<LimitMetadata>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When the key expires; null for never.
    #[schema(required = true, format = DateTime)]
    expires_at: Option<String>,
    #[schema(required = true, format = DateTime)]
    revoked_at: Option<String>,
    #[schema(required = true)]
    revoke_reason: Option<String>,
    /// When the key was last used, if that is known.
    #[schema(required = true, format = DateTime)]
    last_used_at: Option<String>,
    /// How often the key was used, as far as that is known.
    use_count: u64,
    /// The id of the key that replaces this one.
    #[schema(required = true)]
    successor: Option<String>,
    /// Whether the key was imported and has another format.
    is_foreign: bool,
    /// The version of the pepper that is mixed into the key's digest.
    #[schema(required = true)]
    pepper_version: Option<u32>,
}

/// The state of a key.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes `KeyState::as_str`")]
pub(crate) enum State {
    Active,
    Expired,
    Revoked,
}

/// How often a key may be used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitMetadata {
    /// The requests in a period.
    requests: u32,
    /// The period in seconds.
    #[schema(value_type = f64)]
    period_seconds: Number,
    /// The requests at once.
    burst: u32,
}

impl KeyMetadata {
    pub(crate) fn of(record: &KeyRecord, now: UnixTime) -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            id: record.id.to_string(),
            owner: text(&record.owner),
            name: text(&record.name),
            scopes: record.scopes.iter().map(text).collect(),
            tags: record.tags.iter().map(|tag| text(tag)).collect(),
            state: record.state(now).as_str(),
            prefix: record.prefix.to_string(),
            networks: record.networks.iter().collect(),
            limit: record.limit.map(LimitMetadata::from),
            created_at: to_rfc3339(record.created_at),
            expires_at: record.expires_at.map(to_rfc3339),
            revoked_at: record.revoked_at.map(to_rfc3339),
            revoke_reason: record.revoke_reason.as_deref().map(text),
            last_used_at: record.last_used_at.map(to_rfc3339),
            use_count: record.use_count,
            successor: record.successor.map(|id| id.to_string()),
            is_foreign: record.is_foreign,
            pepper_version: record.digest.pepper_version(),
        }
    }
}

impl From<Limit> for LimitMetadata {
    fn from(limit: Limit) -> Self {
        Self {
            requests: limit.requests().get(),
            period_seconds: seconds(limit.period()),
            burst: limit.burst_size().get(),
        }
    }
}

/// Whole seconds without a decimal point.
fn seconds(period: Duration) -> Number {
    let fraction = Number::from_f64(period.as_secs_f64()).filter(|_| period.subsec_nanos() > 0);
    fraction.unwrap_or_else(|| period.as_secs().into())
}

/// To the millisecond. A time after the last that `jiff` can hold becomes that time.
pub(crate) fn to_rfc3339(time: UnixTime) -> String {
    let since_epoch: Duration = time.as_duration();
    let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}
