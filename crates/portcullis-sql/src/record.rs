//! A record as a row, and back.

use std::time::Duration;

use portcullis_api_key::{ApiKeyId, Idempotency, KeyDigest, KeyPrefix, KeyRecord, Limit, Networks};
use portcullis_core::{Scope, ScopeSet, clock::UnixTime, log::escape};

use crate::database::{Columns, Value};

/// The columns that [`read`] needs.
pub(crate) const COLUMNS: &str = "id, digest, prefix, owner, name, tags, scopes, networks, limit_requests, \
     limit_period_ms, limit_burst, created_ms, expires_ms, revoked_ms, revoke_reason, successor, is_foreign, \
     idempotency_key, idempotency_request, last_used_ms, use_count, revision";

/// The columns that only the database uses.
pub(crate) const DERIVED_COLUMNS: &str = "pepper, lapsed";

/// The number of all columns.
pub(crate) const COLUMN_COUNT: usize = 24;

/// A row that is not a valid record, as after a change by hand.
#[derive(Debug, thiserror::Error)]
#[error(
    "the row of the API key {} in portcullis_keys is malformed: {problem}; correct it, or delete it to remove the key",
    escape(.id)
)]
pub(crate) struct MalformedRow {
    pub(crate) id: String,
    problem: String,
}

/// Milliseconds since the epoch, cut.
pub(crate) fn to_millis(time: UnixTime) -> i64 {
    i64::try_from(time.as_duration().as_millis()).unwrap_or(i64::MAX)
}

/// The first whole millisecond that is not before `time`.
pub(crate) fn to_millis_above(time: UnixTime) -> i64 {
    to_millis(time.saturating_add(Duration::from_nanos(999_999)))
}

/// The version of a digest's pepper in the column `pepper`.
pub(crate) fn pepper(record: &KeyRecord) -> Option<i64> {
    let version = record.digest.pepper_version().map_or(-1, i64::from);
    (!record.is_foreign).then_some(version)
}

/// The values of [`COLUMNS`] and [`DERIVED_COLUMNS`].
pub(crate) fn values(record: &KeyRecord, revision: i64, now: UnixTime) -> [Value; COLUMN_COUNT] {
    let tags: Vec<&str> = record.tags.iter().map(|tag| &**tag).collect();
    let limit = record.limit;
    let number = |number: u32| i64::from(number);
    [
        record.id.as_str().into(),
        record.digest.to_string().into(),
        record.prefix.as_str().into(),
        (*record.owner).into(),
        (*record.name).into(),
        tags.join("\n").into(),
        record.scopes.as_str().into(),
        record.networks.to_string().into(),
        limit.map(|limit| number(limit.requests().get())).into(),
        limit.map(|limit| duration_to_millis(limit.period())).into(),
        limit.map(|limit| number(limit.burst_size().get())).into(),
        to_millis(record.created_at).into(),
        record.expires_at.map(to_millis).into(),
        record.revoked_at.map(to_millis).into(),
        record.revoke_reason.as_deref().into(),
        record.successor.as_ref().map(ApiKeyId::as_str).into(),
        record.is_foreign.into(),
        record.idempotency.as_ref().map(|it| &it.key).into(),
        record.idempotency.as_ref().map(|it| &it.request).into(),
        record.last_used_at.map(to_millis).into(),
        i64::try_from(record.use_count).unwrap_or(i64::MAX).into(),
        revision.into(),
        pepper(record).into(),
        record.is_expired(now).into(),
    ]
}

fn duration_to_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Reads a row.
pub(crate) fn read(row: &dyn Columns) -> Result<KeyRecord, MalformedRow> {
    parse(row).map_err(|problem| MalformedRow {
        id: row.text("id").ok().flatten().unwrap_or_default(),
        problem,
    })
}

fn parse(row: &dyn Columns) -> Result<KeyRecord, String> {
    let text = |column| row.text(column).map_err(|error| error.to_string());
    let required = |column: &'static str| text(column)?.ok_or(format!("`{column}` is NULL"));
    let time = |column| Ok::<_, String>(number(row, column)?.map(from_millis));
    let id: ApiKeyId = parsed("id", required("id")?.parse())?;
    let digest: KeyDigest = parsed("digest", required("digest")?.parse())?;
    let created_at = time("created_ms")?.ok_or("`created_ms` is NULL")?;
    let mut record = parsed(
        "owner",
        KeyRecord::new(id, digest, required("owner")?, created_at),
    )?;
    record.prefix = parsed("prefix", KeyPrefix::new(&required("prefix")?))?;
    record.name = required("name")?.into();
    let tags = required("tags")?;
    record.tags = tags
        .split('\n')
        .filter(|tag| !tag.is_empty())
        .map(Into::into)
        .collect();
    record.scopes = scopes(&required("scopes")?)?;
    record.networks = parsed(
        "networks",
        Networks::parse(required("networks")?.split_whitespace()),
    )?;
    record.limit = limit(row)?;
    record.expires_at = time("expires_ms")?;
    record.revoked_at = time("revoked_ms")?;
    record.revoke_reason = text("revoke_reason")?.map(Into::into);
    record.successor = match text("successor")? {
        Some(id) => Some(parsed("successor", id.parse())?),
        None => None,
    };
    record.is_foreign = row
        .bool("is_foreign")
        .map_err(|error| error.to_string())?
        .ok_or("`is_foreign` is NULL")?;
    record.idempotency = match (
        hash(row, "idempotency_key")?,
        hash(row, "idempotency_request")?,
    ) {
        (Some(key), Some(request)) => Some(Idempotency { key, request }),
        (None, None) => None,
        _ => return Err("one of the idempotency columns is NULL".to_owned()),
    };
    record.last_used_at = time("last_used_ms")?;
    record.use_count = number(row, "use_count")?.unwrap_or_default();
    record.revision = number(row, "revision")?.ok_or("`revision` is NULL")?;
    parsed("texts", record.check_texts())?;
    Ok(record)
}

fn parsed<T, E: std::fmt::Display>(column: &str, outcome: Result<T, E>) -> Result<T, String> {
    outcome.map_err(|error| format!("`{column}`: {error}"))
}

/// A number of a column; not negative.
fn number(row: &dyn Columns, column: &'static str) -> Result<Option<u64>, String> {
    match row.int(column).map_err(|error| error.to_string())? {
        None => Ok(None),
        Some(number) => match u64::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("`{column}` is negative")),
        },
    }
}

fn from_millis(millis: u64) -> UnixTime {
    UnixTime::from_duration(Duration::from_millis(millis))
}

/// Unlike [`ScopeSet::parse`], does not ignore what is not a scope: a key with fewer scopes than were stored is refused later,
/// by a 403 that nobody could explain.
fn scopes(text: &str) -> Result<ScopeSet, String> {
    let tokens = text.split(' ').filter(|token| !token.is_empty());
    parsed("scopes", tokens.map(Scope::parse).collect())
}

fn limit(row: &dyn Columns) -> Result<Option<Limit>, String> {
    let columns = ["limit_requests", "limit_period_ms", "limit_burst"];
    let [requests, period, burst] = columns.map(|column| number(row, column));
    let (Some(requests), Some(period), Some(burst)) = (requests?, period?, burst?) else {
        return Ok(None);
    };
    let small = |number: u64| u32::try_from(number).map_err(|error| error.to_string());
    let limit = Limit::new(small(requests)?, Duration::from_millis(period));
    let limit = limit.and_then(|limit| limit.burst(u32::try_from(burst).unwrap_or(u32::MAX)));
    Ok(Some(parsed("limit", limit)?))
}

fn hash(row: &dyn Columns, column: &'static str) -> Result<Option<[u8; 32]>, String> {
    match row.bytes(column).map_err(|error| error.to_string())? {
        None => Ok(None),
        Some(bytes) => match bytes.try_into() {
            Ok(hash) => Ok(Some(hash)),
            Err(_) => Err(format!("`{column}` has not 32 bytes")),
        },
    }
}

/// The version of the pepper of [`unreadable`]: no service may use it.
const NO_PEPPER: u32 = u32::MAX;

/// Stands for a row that is malformed. Its digest needs a pepper that no service has, so that the scheme answers 503 for the
/// key: 401 would make its holder throw it away, and leaving the row out would keep an older version of it in use.
pub(crate) fn unreadable(row: &dyn Columns) -> Option<KeyRecord> {
    let id: ApiKeyId = row.text("id").ok()??.parse().ok()?;
    let revision = number(row, "revision").ok()??;
    let zeros = "0".repeat(64);
    let digest = format!("hmac-sha256:{NO_PEPPER}:{zeros}").parse().ok()?;
    let mut record = KeyRecord::new(id, digest, "malformed", UnixTime::default()).ok()?;
    record.revision = revision;
    Some(record)
}
