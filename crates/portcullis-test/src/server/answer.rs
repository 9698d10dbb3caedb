//! An answer before it is sent.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, DATE, ETAG, IF_NONE_MATCH},
};
use serde_json::{Value, json};

use super::body::{Body, complete};
use crate::{RecordedRequest, encoding::base64url, state::State};

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn new(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers = [(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self {
            status,
            headers: headers.into_iter().collect(),
            body: body.into(),
        }
    }

    pub(super) fn json(body: &Value) -> Self {
        Self::new(StatusCode::OK, "application/json", body.to_string())
    }

    /// An error in the form of RFC 6749 §5.2.
    pub(super) fn error(status: StatusCode, code: &str, description: &str) -> Self {
        let body = json!({ "error": code, "error_description": description });
        Self::new(status, "application/json", body.to_string())
    }

    pub(super) fn not_found() -> Self {
        Self::error(StatusCode::NOT_FOUND, "not_found", "nothing is served here")
    }

    pub(super) fn only(method: &'static str) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let description = "this endpoint requires another method";
        Self::error(status, "invalid_request", description).with(ALLOW, method)
    }

    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Adds the headers that the test set for the endpoint, and honours conditional requests.
    pub(super) fn configured(mut self, state: &State, request: &RecordedRequest) -> Self {
        let settings = state.variable().endpoints[request.endpoint.index()].clone();
        if let Some(date) = date(state, settings.date_skew) {
            self.headers.insert(DATE, date);
        }
        if self.status != StatusCode::OK {
            return self;
        }
        if settings.etag {
            let tag = format!("\"{}\"", base64url(digest(&SHA256, &self.body)));
            let sent = request.headers.get(IF_NONE_MATCH);
            let is_unchanged = sent.is_some_and(|sent| *sent == tag);
            self.headers
                .extend(HeaderValue::try_from(tag).map(|tag| (ETAG, tag)));
            if is_unchanged {
                self.status = StatusCode::NOT_MODIFIED;
                self.headers.remove(CONTENT_TYPE);
                self.body = Bytes::new();
            }
        }
        self.headers.extend(settings.headers);
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let body = complete(self.body.clone());
        self.into_response_with(body)
    }

    /// With another body than its own.
    pub(super) fn into_response_with(self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// `None` if the date cannot be written; hyper then sends the real one.
fn date(state: &State, skew: i64) -> Option<HeaderValue> {
    const LAST: u64 = 253_402_300_799; // the last second of the year 9999, the limit of HTTP dates
    let now = state.settings.clock.now().as_secs();
    let seconds = now.checked_add_signed(skew)?.min(LAST);
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    HeaderValue::try_from(httpdate::fmt_http_date(at)).ok()
}
