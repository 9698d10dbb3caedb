//! Answers of endpoints with a fault.

use std::{future::pending, io, iter::repeat_n, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use serde_json::{Value, json};

use super::{
    answer::Answer,
    body::{Body, chunked, cut_off, stalled},
    closed, good_answer,
};
use crate::{Endpoint, Fault, RecordedRequest, state::State};

const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>";

pub(super) async fn respond(
    state: &State,
    request: &RecordedRequest,
    fault: Fault,
) -> io::Result<Response<Body>> {
    let good = || good_answer(state, request);
    let answer = match fault {
        Fault::Down => return Err(closed()),
        Fault::Hang => pending().await,
        Fault::Slow(delay) => {
            tokio::time::sleep(delay).await;
            good()
        }
        Fault::Stalled => return Ok(half(good(), stalled)),
        Fault::CutOff => return Ok(half(good(), cut_off)),
        Fault::Huge { bytes } => return Ok(huge(bytes)),
        Fault::Status(code) => failing(status(code)),
        Fault::TooManyRequests { retry_after } => too_many_requests(retry_after),
        Fault::Html => Answer::new(StatusCode::OK, "text/html; charset=utf-8", PAGE),
        Fault::Empty => Answer::new(StatusCode::OK, "application/json", ""),
        Fault::EmptySet if request.endpoint == Endpoint::Jwks => {
            Answer::json(&json!({ "keys": [] }))
        }
        Fault::EmptySet => Answer::json(&json!({})),
        Fault::Null => Answer::json(&Value::Null),
        Fault::Json(body) => Answer::json(&body),
        Fault::Answer {
            status: code,
            content_type,
            body,
        } => Answer::new(status(code), content_type, body),
        Fault::Redirect(url) => redirect(&url),
        Fault::Truncated => {
            let mut answer = good();
            answer.body.truncate(answer.body.len() / 2);
            answer
        }
        Fault::WrongContentType => good().with(CONTENT_TYPE, "text/plain"),
        Fault::Changed(change) => changed(good(), change),
    };
    Ok(answer.into_response())
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn failing(status: StatusCode) -> Answer {
    Answer::error(status, "server_error", "the test asked for this error")
}

fn too_many_requests(retry_after: Option<Duration>) -> Answer {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut answer = Answer::error(status, "slow_down", "too many requests");
    let retry_after = retry_after.map(|delay| (RETRY_AFTER, delay.as_secs().into()));
    answer.headers.extend(retry_after);
    answer
}

fn redirect(url: &str) -> Answer {
    let Ok(url) = HeaderValue::try_from(url) else {
        return failing(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut answer = Answer::new(StatusCode::FOUND, "text/plain", "elsewhere");
    answer.headers.insert(LOCATION, url);
    answer
}

/// Half of the body, with the length of the whole in the head.
fn half(mut answer: Answer, end: fn(Bytes) -> Body) -> Response<Body> {
    let length = answer.body.len();
    answer.headers.insert(CONTENT_LENGTH, length.into());
    let half = answer.body.slice(..length / 2);
    answer.into_response_with(end(half))
}

/// `{"keys":[],"padding":"xxx…"}` of at least `bytes`.
fn huge(bytes: usize) -> Response<Body> {
    const CHUNK: &[u8] = &[b'x'; 16 * 1024];
    let padding = repeat_n(CHUNK, bytes.div_ceil(CHUNK.len()).max(1));
    let chunks = [&b"{\"keys\":[],\"padding\":\""[..]]
        .into_iter()
        .chain(padding)
        .chain([&b"\"}"[..]]);
    let body = chunked(chunks.map(Bytes::from_static));
    Answer::json(&Value::Null).into_response_with(body)
}

/// The answer with its JSON changed.
fn changed(mut answer: Answer, change: fn(Value) -> Value) -> Answer {
    if let Ok(body) = serde_json::from_slice(&answer.body) {
        answer.body = change(body).to_string().into();
    }
    answer
}
