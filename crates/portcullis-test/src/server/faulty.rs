//! Answers that fail the caller.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use serde_json::{Value, json};

use super::{
    Closed,
    answer::Answer,
    body::{Body, Step},
    good_answer,
};
use crate::{Endpoint, Fault, RecordedRequest, noise, state::State};

const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>";

pub(super) async fn respond(
    state: &State,
    request: &RecordedRequest,
    fault: Fault,
) -> Result<Response<Body>, Closed> {
    let answer = match fault {
        Fault::Down => return Err(Closed),
        Fault::Hang => pending().await,
        Fault::Slow(delay) => {
            tokio::time::sleep(delay).await;
            good_answer(state, request)
        }
        Fault::Stalled => return Ok(broken(good_answer(state, request), Step::Stall)),
        Fault::CutOff => return Ok(broken(good_answer(state, request), Step::Close)),
        Fault::Huge { bytes } => return Ok(huge(bytes)),
        replaced => replacement(state, request, replaced),
    };
    Ok(answer.into_response())
}

/// What stands in for the good answer, all of it.
fn replacement(state: &State, request: &RecordedRequest, fault: Fault) -> Answer {
    match fault {
        Fault::Status(code) => failing(code),
        Fault::TooManyRequests { retry_after } => too_many_requests(retry_after),
        Fault::Html => Answer::new(StatusCode::OK, "text/html; charset=utf-8", PAGE),
        Fault::Empty => Answer::new(StatusCode::OK, "application/json", ""),
        Fault::EmptySet if request.endpoint == Endpoint::Jwks => json(&json!({ "keys": [] })),
        Fault::EmptySet => json(&json!({})),
        Fault::Null => json(&Value::Null),
        Fault::Json(body) => json(&body),
        Fault::Answer {
            status,
            content_type,
            body,
        } => Answer {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            ..Answer::new(StatusCode::OK, content_type, body)
        },
        Fault::Redirect(url) => redirect(&url),
        Fault::Truncated => {
            let mut answer = good_answer(state, request);
            answer.body.truncate(answer.body.len() / 2);
            answer
        }
        Fault::WrongContentType => good_answer(state, request).with(CONTENT_TYPE, "text/plain"),
        Fault::ThousandKeys => altered(state, request, noise::among_a_thousand),
        Fault::NoisyKeys => altered(state, request, noise::among_noise),
        // Met in `respond`.
        Fault::Down
        | Fault::Hang
        | Fault::Slow(_)
        | Fault::Stalled
        | Fault::CutOff
        | Fault::Huge { .. } => good_answer(state, request),
    }
}

fn json(body: &Value) -> Answer {
    Answer::json("application/json", body)
}

fn failing(code: u16) -> Answer {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer::error(status, "server_error", "the issuer fails as asked to")
}

fn too_many_requests(retry_after: Option<Duration>) -> Answer {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut answer = Answer::error(status, "slow_down", "too many requests");
    if let Some(delay) = retry_after {
        answer.headers.insert(RETRY_AFTER, delay.as_secs().into());
    }
    answer
}

fn redirect(url: &str) -> Answer {
    let mut answer = Answer::new(StatusCode::FOUND, "text/plain", "elsewhere");
    match HeaderValue::try_from(url) {
        Ok(url) => answer.headers.insert(LOCATION, url),
        Err(_) => return failing(500),
    };
    answer
}

/// Half of the body, then `end`. The length in the head stays that of the whole.
fn broken(mut answer: Answer, end: Step) -> Response<Body> {
    answer
        .headers
        .insert(CONTENT_LENGTH, answer.body.len().into());
    let half = answer.body.slice(..answer.body.len() / 2);
    answer.into_response_with(Body::steps([Step::Data(half), end]))
}

/// `{"keys":[],"padding":"xxx…"}` of at least so many bytes, in chunks.
fn huge(bytes: usize) -> Response<Body> {
    const CHUNK: &[u8] = &[b'x'; 16 * 1024];
    let body = Body::steps([
        Step::Data(Bytes::from_static(b"{\"keys\":[],\"padding\":\"")),
        Step::Repeat(
            Bytes::from_static(CHUNK),
            bytes.div_ceil(CHUNK.len()).max(1),
        ),
        Step::Data(Bytes::from_static(b"\"}")),
    ]);
    json(&Value::Null).into_response_with(body)
}

/// The good answer with its JSON changed.
fn altered(state: &State, request: &RecordedRequest, change: fn(Value) -> Value) -> Answer {
    let mut answer = good_answer(state, request);
    if let Ok(body) = serde_json::from_slice(&answer.body) {
        answer.body = change(body).to_string().into();
    }
    answer
}
