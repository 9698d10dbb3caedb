//! An answer before it is sent.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, DATE, ETAG, IF_NONE_MATCH},
};
use serde_json::{Value, json};

use super::body::Body;
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

    pub(super) fn json(content_type: &'static str, body: &Value) -> Self {
        Self::new(StatusCode::OK, content_type, body.to_string())
    }

    /// An error in the form of RFC 6749 §5.2.
    pub(super) fn error(status: StatusCode, code: &str, description: &str) -> Self {
        let body = json!({ "error": code, "error_description": description });
        Self {
            status,
            ..Self::json("application/json", &body)
        }
    }

    pub(super) fn not_found() -> Self {
        Self::error(StatusCode::NOT_FOUND, "not_found", "nothing is served here")
    }

    pub(super) fn only(method: &'static str) -> Self {
        Self::error(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            "another method is asked for",
        )
        .with(ALLOW, method)
    }

    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// With the headers that the test set for the endpoint, and conditional requests heeded.
    pub(super) fn dressed(mut self, state: &State, request: &RecordedRequest) -> Self {
        let answering = state.changing().answering[request.endpoint.index()].clone();
        if let Some(date) = date(state, answering.date_skew) {
            self.headers.insert(DATE, date);
        }
        if self.status != StatusCode::OK {
            return self;
        }
        if let Some(tag) = answering.etag.then(|| etag(&self.body)).flatten() {
            let unchanged = request.headers.get(IF_NONE_MATCH) == Some(&tag);
            self.headers.insert(ETAG, tag);
            if unchanged {
                self.status = StatusCode::NOT_MODIFIED;
                self.headers.remove(CONTENT_TYPE);
                self.body = Bytes::new();
            }
        }
        self.headers.extend(answering.headers);
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let body = self.body.clone();
        self.into_response_with(Body::whole(body))
    }

    /// With another body than its own.
    pub(super) fn into_response_with(self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

fn etag(body: &Bytes) -> Option<HeaderValue> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    HeaderValue::try_from(format!("\"{}\"", base64url(digest))).ok()
}

/// `None` where the date cannot be written; the server then sends the real one.
fn date(state: &State, skew: i64) -> Option<HeaderValue> {
    const LAST: u64 = 253_402_300_799; // the end of the year 9999, where HTTP dates end
    let seconds = state
        .settings
        .clock
        .now()
        .as_secs()
        .checked_add_signed(skew)?;
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds.min(LAST)))?;
    HeaderValue::try_from(httpdate::fmt_http_date(at)).ok()
}
