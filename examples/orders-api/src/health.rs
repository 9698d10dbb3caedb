//! Liveness and readiness.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use portcullis::{
    api_key::{CachedStoreStatus, FileStoreStatus, PushState},
    clock::{Clock, SystemClock, UnixTime},
    remote::Issuer,
};
use serde_json::{Value, json};

use crate::api_keys::KeySource;

/// The issuers and the key store, to show their status.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    /// The issuers and their keys.
    pub(crate) issuers: Arc<[Issuer]>,
    /// The API keys.
    pub(crate) api_keys: Option<KeySource>,
}

impl Sources {
    /// Records the uses of API keys a last time.
    pub(crate) async fn shut_down(&self) {
        if let Some(KeySource::Cache(store)) = &self.api_keys
            && let Err(error) = store.shut_down().await
        {
            tracing::warn!(%error, "the last uses of API keys were not recorded");
        }
    }
}

/// `GET /livez`: 200 as long as the process answers.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// `GET /healthz`: 503 until every snapshot was loaded once. Later failures are shown but do not make the service unready:
/// an issuer's outage must not drain a fleet that can still check tokens. The endpoint is public, so it shows only the kind
/// of an error; the log has the details.
pub(crate) async fn ready(State(sources): State<Sources>) -> (StatusCode, Json<Value>) {
    let now = SystemClock.now();
    let issuers: Vec<Value> = sources
        .issuers
        .iter()
        .map(|issuer| {
            let status = issuer.status();
            json!({
                "issuer": &*status.issuer,
                "ready": status.ready,
                "keys": status.keys.len(),
                "age_seconds": status.age.map(|age| age.as_secs()),
                "stale": status.stale,
                "last_error": status.last_error.map(|error| format!("{:?}", error.kind())),
                "failures": status.failures,
            })
        })
        .collect();
    let api_keys = sources.api_keys.as_ref().map(|source| match source {
        KeySource::File(store) => file_status(&store.status(), now),
        KeySource::Cache(store) => cache_status(&store.status(), now),
    });
    let is_ready = issuers.iter().all(|issuer| issuer["ready"] == true);
    let (status, word) = if is_ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    (
        status,
        Json(json!({ "status": word, "issuers": issuers, "api_keys": api_keys })),
    )
}

fn file_status(status: &FileStoreStatus, now: UnixTime) -> Value {
    json!({
        "ready": true,
        "keys": status.keys,
        "age_seconds": now.duration_since(status.confirmed_at).as_secs(),
        "stale": status.is_stale,
        "last_error": status.reason,
        "failing_since": status.failing_since.map(|since| since.as_secs()),
        "accepted_until": status.accepted_until.map(|until| until.as_secs()),
        "warnings": status.warnings,
    })
}

fn cache_status(status: &CachedStoreStatus, now: UnixTime) -> Value {
    let push = status.push.as_ref().map(|push| match push {
        PushState::Starting => "starting",
        PushState::Delivers { .. } => "delivers",
        _ => "lost",
    });
    json!({
        "ready": true,
        "keys": status.keys,
        "age_seconds": now.duration_since(status.last_sync).as_secs(),
        "stale": status.is_stale,
        "last_error": status.last_error.as_ref().map(|_| "unreachable"),
        "failing_since": status.failing_since.map(|since| since.as_secs()),
        "accepted_until": status.accepted_until.map(|until| until.as_secs()),
        "push": push,
        "bound_seconds": status.bound.as_secs(),
        "unconfirmed_restore": status.has_unconfirmed_restore,
    })
}
