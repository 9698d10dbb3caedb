//! Helpers of the scheme's tests.

#![allow(dead_code, reason = "each test binary uses a part")]

#[cfg(all(feature = "file", unix))]
pub(crate) mod watched_file;

#[cfg(feature = "cached")]
pub(crate) mod cache_model;
#[cfg(feature = "cached")]
pub(crate) mod cached;
#[cfg(feature = "cached")]
pub(crate) mod simulated;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use portcullis_api_key::ApiKeys;
use portcullis_core::{
    AuthenticateLayer, Authentication, Principal,
    clock::{Clock, UnixTime},
};
use tower::{Layer, ServiceExt, service_fn};

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// A clock that only the test moves.
#[derive(Clone, Debug)]
pub(crate) struct ManualClock(Arc<Mutex<UnixTime>>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(NOW)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().expect("not poisoned");
        *now = now.saturating_add(by);
    }

    pub(crate) fn set_back(&self, by: Duration) {
        let mut now = self.0.lock().expect("not poisoned");
        *now = now.saturating_sub(by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        *self.0.lock().expect("not poisoned")
    }
}

/// The response to a request, and the principal that the service saw.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) challenge: Option<String>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
    pub(crate) principal: Option<Principal>,
}

/// Sends a request through a real layer, with these headers.
pub(crate) async fn send(keys: &ApiKeys, headers: &[(&str, &[u8])]) -> Answer {
    send_to(&AuthenticateLayer::new(keys.clone()), "/", headers).await
}

pub(crate) async fn send_key(keys: &ApiKeys, key: &str) -> Answer {
    send(keys, &[("x-api-key", key.as_bytes())]).await
}

pub(crate) async fn send_to(
    layer: &AuthenticateLayer,
    uri: &str,
    headers: &[(&str, &[u8])],
) -> Answer {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send_request(layer, request.body(()).expect("a request")).await
}

/// Sends a request through the layer.
pub(crate) async fn send_request(layer: &AuthenticateLayer, request: Request<()>) -> Answer {
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let authentication = request.extensions().get::<Authentication>().cloned();
        let mut response = Response::new(String::new());
        if let Some(Authentication::Authenticated(principal)) = authentication {
            response.extensions_mut().insert(principal);
        }
        Ok::<_, Infallible>(response)
    }));
    let response = service.oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let text = |name| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().expect("ASCII").to_owned())
    };
    Answer {
        status: parts.status,
        challenge: text("www-authenticate"),
        retry_after: text("retry-after").map(|seconds| seconds.parse().expect("seconds")),
        principal: parts.extensions.get::<Principal>().cloned(),
        headers: parts.headers.clone(),
        body: String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec())
            .expect("UTF-8"),
    }
}

/// A well-formed key with another id or secret.
pub(crate) fn forge(like: &str, id: &str) -> String {
    let text = format!("portcullis_{id}_{}", "0".repeat(27));
    assert_eq!(text.len() + 6, like.len());
    with_checksum(&text)
}

/// Appends the checksum of a key.
pub(crate) fn with_checksum(text: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = crc32fast::hash(text.as_bytes());
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(char::from(DIGITS[(number % 62) as usize]));
        number /= 62;
    }
    text.chars().chain(digits.into_iter().rev()).collect()
}
