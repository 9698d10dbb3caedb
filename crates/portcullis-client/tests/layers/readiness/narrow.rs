//! A service whose responses hold its capacity.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, Service, ServiceExt};

use super::{URL, layer};
use crate::{Setting, get};

/// A service with capacity for one request. The body of a response holds that capacity, as it may hold a connection.
/// The first request is rejected.
pub(crate) struct Narrow {
    places: Arc<Semaphore>,
    place: Option<OwnedSemaphorePermit>,
    refusal: HeaderMap,
    refused: Arc<AtomicBool>,
}

impl Narrow {
    pub(crate) fn refusing<const N: usize>(refusal: [(&'static str, &'static str); N]) -> Self {
        let refusal = refusal.map(|(name, value)| {
            let value = HeaderValue::from_static(value);
            (HeaderName::from_static(name), value)
        });
        Self {
            places: Arc::new(Semaphore::new(1)),
            place: None,
            refusal: refusal.into_iter().collect(),
            refused: Arc::default(),
        }
    }

    /// Sends a request whose replay needs the capacity.
    pub(crate) async fn answers_at_last(self, setting: &Setting) {
        let refused = self.refused.clone();
        let call = layer(setting).layer(self).oneshot(get(URL));
        let response = tokio::time::timeout(Duration::from_secs(10), call).await;
        let response = response.expect("the capacity is free").expect("infallible");
        assert_eq!(response.status(), 200);
        assert!(refused.load(Ordering::Relaxed));
    }
}

impl Clone for Narrow {
    fn clone(&self) -> Self {
        Self {
            places: self.places.clone(),
            place: None,
            refusal: self.refusal.clone(),
            refused: self.refused.clone(),
        }
    }
}

impl Service<Request<Full<Bytes>>> for Narrow {
    type Response = Response<OwnedSemaphorePermit>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.place.is_none() {
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                context.waker().wake_by_ref();
                return Poll::Pending;
            };
            self.place = Some(place);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        let mut response = Response::new(self.place.take().expect("a service that is ready"));
        if !self.refused.swap(true, Ordering::Relaxed) {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            *response.headers_mut() = self.refusal.clone();
        }
        ready(Ok(response))
    }
}
