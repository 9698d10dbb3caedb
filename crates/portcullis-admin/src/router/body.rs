//! Bodies of requests, read within limits.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portcullis_core::log::escape_to;
use serde::de::DeserializeOwned;

use crate::router::problem::Problem;

/// The most bytes of a body.
const MAX_BYTES: usize = 16 * 1024;
pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a JSON object. An empty body without a content type is an empty object.
///
/// # Errors
///
/// 415, 413, 400 when the body is not a JSON object, and 422 when it is not the object that is expected.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    let has_type = headers.contains_key(CONTENT_TYPE);
    if has_type {
        require_media_type(headers, JSON)?;
    }
    let bytes = read(body).await?;
    let json = match bytes.is_empty() {
        true => b"{}",
        false if !has_type => return Err(unsupported(JSON)),
        false => &*bytes,
    };
    parse_object(json)
}

/// Reads a form.
///
/// # Errors
///
/// 415 and 413.
pub(crate) async fn read_form(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    require_media_type(headers, FORM)?;
    read(body).await
}

/// Compares the media type without its parameters.
fn require_media_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Problem> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let is_expected = |value: &HeaderValue| {
        let media_type = value.to_str().unwrap_or_default().split(';').next();
        media_type.is_some_and(|found| found.trim().eq_ignore_ascii_case(expected))
    };
    match (values.next(), values.next()) {
        (Some(value), None) if is_expected(value) => Ok(()),
        _ => Err(unsupported(expected)),
    }
}

fn unsupported(expected: &'static str) -> Problem {
    let detail = format!("send the body as `Content-Type: {expected}`");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    match Limited::new(body, MAX_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body has more than 16 KiB",
        )),
        Err(_) => Err(Problem::malformed("the body ended early")),
    }
}

fn parse_object<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    // `serde_json` would read an array as the fields of a struct.
    let is_object = json.trim_ascii_start().starts_with(b"{");
    serde_json::from_slice(json)
        .map_err(|error| {
            // The message may repeat a text of the caller's.
            let detail = escape_to(&error.to_string(), 256);
            match error.is_data() {
                true => Problem::invalid(format!("the body is not as described: {detail}")),
                false => Problem::malformed(format!("the body is not JSON: {detail}")),
            }
        })
        .and_then(|parsed| match is_object {
            true => Ok(parsed),
            false => Err(Problem::invalid("the body is not a JSON object")),
        })
}
