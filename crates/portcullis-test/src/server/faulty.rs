//! Answers of endpoints with a fault.

use std::{future::ready, io, iter::repeat_n};

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt as _,
    stream::{iter, once, pending},
};
use http::{
    HeaderValue, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use serde_json::{Value, json};

use super::{
    answer::{Answer, Body, answer, complete, error, json, streamed, with},
    closed,
    good::good_answer,
};
use crate::{Endpoint, Fault, RecordedRequest, state::State};

const PAGE: &str = "<!DOCTYPE html><title>Sign in</title><p>Please sign in.</p>";

pub(super) async fn respond(
    state: &State,
    request: &RecordedRequest,
    fault: Fault,
) -> io::Result<Response<Body>> {
    let good = || good_answer(state, request);
    Ok(complete(match fault {
        Fault::Down => return Err(closed()),
        Fault::Hang => std::future::pending().await,
        Fault::Slow(delay) => {
            tokio::time::sleep(delay).await;
            good()
        }
        Fault::Stalled => return Ok(half(good(), pending())),
        Fault::CutOff => return Ok(half(good(), once(ready(Err(closed()))))),
        Fault::Huge { bytes } => return Ok(huge(bytes)),
        Fault::Status(code) => error(code, "server_error", "the test asked for this error"),
        Fault::TooManyRequests { retry_after } => {
            let mut answer = error(429, "slow_down", "too many requests");
            let retry_after = retry_after.map(|delay| (RETRY_AFTER, delay.as_secs().into()));
            answer.headers_mut().extend(retry_after);
            answer
        }
        Fault::Html => answer(200, "text/html; charset=utf-8", PAGE),
        Fault::Empty => answer(200, "application/json", ""),
        Fault::EmptySet if request.endpoint == Endpoint::Jwks => json(&json!({ "keys": [] })),
        Fault::EmptySet => json(&json!({})),
        Fault::Null => json(&Value::Null),
        Fault::Json(body) => json(&body),
        Fault::Answer {
            status,
            content_type,
            body,
        } => answer(status, content_type, body),
        Fault::Redirect(url) => {
            let url = HeaderValue::try_from(url).expect("a URL");
            let mut answer = answer(302, "text/plain", "elsewhere");
            answer.headers_mut().insert(LOCATION, url);
            answer
        }
        Fault::Truncated => good().map(|body| body.slice(..body.len() / 2)),
        Fault::WrongContentType => with(good(), CONTENT_TYPE, "text/plain"),
        Fault::Changed(change) => good().map(|body| match serde_json::from_slice(&body) {
            Ok(json) => change(json).to_string().into(),
            Err(_) => body,
        }),
    }))
}

/// Half of the body, with the length of the whole in the head, and then `end`.
fn half(
    mut answer: Answer,
    end: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    let length = answer.body().len();
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    let half = answer.body().slice(..length / 2);
    streamed(answer, once(ready(Ok(half))).chain(end))
}

/// `{"keys":[],"padding":"xxx…"}` of at least `bytes`.
fn huge(bytes: usize) -> Response<Body> {
    const CHUNK: &[u8] = &[b'x'; 16 * 1024];
    let padding = repeat_n(CHUNK, bytes.div_ceil(CHUNK.len()).max(1));
    let start = std::iter::once(&b"{\"keys\":[],\"padding\":\""[..]);
    let chunks = start.chain(padding).chain([&b"\"}"[..]]);
    let chunks = chunks.map(|chunk| Ok(Bytes::from_static(chunk)));
    streamed(json(&Value::Null), iter(chunks))
}
