//! What was asked of the issuer.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header::AUTHORIZATION};
use tokio::sync::watch;

use crate::Endpoint;

/// Requests kept for inspection; older ones are forgotten, though still counted.
const KEPT: usize = 1024;

/// A request that reached the issuer, whatever it then answered.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// What it was for.
    pub endpoint: Endpoint,
    /// Its method.
    pub method: Method,
    /// Its target: path and query.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl fmt::Debug for RecordedRequest {
    /// Shows neither the `Authorization` header nor the body: client secrets travel there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedRequest")
            .field("endpoint", &self.endpoint)
            .field("method", &self.method)
            .field("uri", &self.uri)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Record {
    counts: watch::Sender<[usize; Endpoint::ALL.len()]>,
    recent: Mutex<VecDeque<RecordedRequest>>,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self {
            counts: watch::Sender::new([0; Endpoint::ALL.len()]),
            recent: Mutex::default(),
        }
    }

    pub(crate) fn add(&self, mut request: RecordedRequest) {
        let endpoint = request.endpoint;
        if let Some(credentials) = request.headers.get_mut(AUTHORIZATION) {
            credentials.set_sensitive(true);
        }
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            if recent.len() == KEPT {
                recent.pop_front();
            }
            recent.push_back(request);
        }
        self.counts
            .send_modify(|counts| counts[endpoint.index()] += 1);
    }

    pub(crate) fn count(&self, endpoint: Endpoint) -> usize {
        self.counts.borrow()[endpoint.index()]
    }

    pub(crate) async fn reaches(&self, endpoint: Endpoint, count: usize) {
        let mut counts = self.counts.subscribe();
        // The sender is ours: it cannot have gone.
        let _ = counts
            .wait_for(|counts| counts[endpoint.index()] >= count)
            .await;
    }

    pub(crate) fn recent(&self) -> Vec<RecordedRequest> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().cloned().collect()
    }
}
