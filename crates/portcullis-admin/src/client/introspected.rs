//! The answer of the endpoint.

use std::time::Duration;

use jiff::Timestamp;
use portcullis_api_key::{ApiKey, ApiKeyId, KeyDigest, KeyPrefix, KeyRecord, Limit, Networks};
use portcullis_core::{ScopeSet, Secret, clock::UnixTime};
use serde::Deserialize;

/// RFC 7662 §2.2, with what the scheme needs of the record.
#[derive(Deserialize)]
pub(super) struct Introspected {
    active: bool,
    sub: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    iat: Option<u64>,
    exp: Option<u64>,
    expires_at: Option<String>,
    name: Option<String>,
    prefix: Option<String>,
    networks: Option<Vec<String>>,
    limit: Option<IntrospectedLimit>,
    #[serde(default)]
    is_foreign: bool,
}

#[derive(Deserialize)]
struct IntrospectedLimit {
    requests: u32,
    period_seconds: f64,
    burst: u32,
}

impl Introspected {
    /// The record of an active key; `None` if the key is not active.
    ///
    /// # Errors
    ///
    /// The name of a member that is missing or cannot be read.
    pub(super) fn into_record(
        self,
        id: &ApiKeyId,
        key: &Secret,
    ) -> Result<Option<KeyRecord>, &'static str> {
        if !self.active {
            return Ok(None);
        }
        let its_id: Option<ApiKeyId> = self.client_id.and_then(|id| id.parse().ok());
        // The id of a foreign key follows from its digest, which may have a pepper there.
        let its_id = its_id.filter(|its_id| its_id == id || self.is_foreign);
        let its_id = its_id.ok_or("client_id")?;
        let digest = digest(key).ok_or("is_foreign")?;
        let created_at = UnixTime::from_secs(self.iat.ok_or("iat")?);
        let owner = self.sub.ok_or("sub")?;
        let mut record = KeyRecord::new(its_id, digest, owner, created_at).map_err(|_| "sub")?;
        record.name = self.name.unwrap_or_default().into();
        record.scopes = ScopeSet::parse(&self.scope.ok_or("scope")?);
        if let Some(prefix) = self.prefix {
            record.prefix = KeyPrefix::new(&prefix).map_err(|_| "prefix")?;
        }
        // Without this member the key would be accepted from everywhere.
        let networks = self.networks.ok_or("networks")?;
        record.networks = Networks::parse(networks).map_err(|_| "networks")?;
        record.limit = match self.limit {
            None => None,
            Some(limit) => Some(limit.into_limit().ok_or("limit")?),
        };
        record.expires_at = match (self.expires_at, self.exp) {
            (Some(text), _) => Some(parse_time(&text).ok_or("expires_at")?),
            (None, exp) => exp.map(UnixTime::from_secs),
        };
        record.is_foreign = self.is_foreign;
        Ok(Some(record))
    }
}

/// The digest by which the scheme recognises the key.
fn digest(key: &Secret) -> Option<KeyDigest> {
    let text = key.expose_str()?;
    Some(match ApiKey::parse(text) {
        Ok(key) => KeyDigest::of(&key, None),
        Err(_) => KeyDigest::of_text(text, None),
    })
}

impl IntrospectedLimit {
    fn into_limit(self) -> Option<Limit> {
        let millis = (self.period_seconds * 1000.0).round();
        let period = Duration::from_millis(millis as u64);
        let limit = Limit::new(self.requests, period).ok()?;
        limit.burst(self.burst).ok()
    }
}

fn parse_time(text: &str) -> Option<UnixTime> {
    let timestamp: Timestamp = text.parse().ok()?;
    let millis = u64::try_from(timestamp.as_millisecond()).ok()?;
    Some(UnixTime::from_duration(Duration::from_millis(millis)))
}
