//! Answers, and the bodies they are sent with.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

/// An answer before it is sent.
pub(super) type Answer = Response<Bytes>;

/// An error ends the connection.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The status is 500 for numbers outside 100 to 999.
pub(super) fn answer(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with(answer, CONTENT_TYPE, content_type)
}

pub(super) fn json(body: &Value) -> Answer {
    answer(200, "application/json", body.to_string())
}

/// An error in the form of RFC 6749 §5.2.
pub(super) fn error(status: u16, code: &str, description: &str) -> Answer {
    let body = json!({ "error": code, "error_description": description });
    answer(status, "application/json", body.to_string())
}

pub(super) fn with(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    answer
}

pub(super) fn complete(answer: Answer) -> Response<Body> {
    answer.map(|body| {
        Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync()
    })
}

/// With these chunks instead of the body.
pub(super) fn streamed(
    answer: Answer,
    chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    answer.map(|_| StreamBody::new(chunks.map_ok(Frame::data)).boxed_unsync())
}
