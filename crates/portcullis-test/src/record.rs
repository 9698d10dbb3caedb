//! The requests that reached the issuer.

use std::{collections::VecDeque, fmt};

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

/// The requests so far.
#[derive(Default)]
pub(crate) struct Record(watch::Sender<Requests>);

#[derive(Default)]
struct Requests {
    counts: [usize; Endpoint::ALL.len()],
    recent: VecDeque<RecordedRequest>,
}

impl Record {
    pub(crate) fn add(&self, mut request: RecordedRequest) {
        if let Some(credentials) = request.headers.get_mut(AUTHORIZATION) {
            credentials.set_sensitive(true);
        }
        self.0.send_modify(|requests| {
            requests.counts[request.endpoint.index()] += 1;
            if requests.recent.len() == KEPT {
                requests.recent.pop_front();
            }
            requests.recent.push_back(request);
        });
    }

    pub(crate) fn count(&self, endpoint: Endpoint) -> usize {
        self.0.borrow().counts[endpoint.index()]
    }

    pub(crate) async fn reaches(&self, endpoint: Endpoint, count: usize) {
        let mut requests = self.0.subscribe();
        let is_reached = |requests: &Requests| requests.counts[endpoint.index()] >= count;
        // It only fails if the sender is dropped, which `self` owns.
        let _ = requests.wait_for(is_reached).await;
    }

    pub(crate) fn recent(&self) -> Vec<RecordedRequest> {
        self.0.borrow().recent.iter().cloned().collect()
    }
}
