//! The requests that reached the issuer.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header::AUTHORIZATION};
use tokio::sync::watch;

use crate::Endpoint;

/// The number of recent requests that are kept.
const KEPT: usize = 1024;

/// A request that reached the issuer.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The endpoint of its path.
    pub endpoint: Endpoint,
    /// The method.
    pub method: Method,
    /// The path and query.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for RecordedRequest {
    /// Without the `Authorization` header and the body, which contain client secrets.
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
        // It only fails if the sender is dropped, which `self` owns.
        let _ = counts
            .wait_for(|counts| counts[endpoint.index()] >= count)
            .await;
    }

    pub(crate) fn recent(&self) -> Vec<RecordedRequest> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().cloned().collect()
    }
}
