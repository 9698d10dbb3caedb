//! Answers of endpoints without a fault.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, DATE, ETAG, IF_NONE_MATCH, WWW_AUTHENTICATE},
};
use serde_json::json;

use super::{
    answer::{Answer, answer, error, json, with},
    token_endpoint,
};
use crate::{Endpoint, RecordedRequest, encoding::base64url, settings::OAUTH, state::State};

pub(super) fn good_answer(state: &State, request: &RecordedRequest) -> Answer {
    let settings = state.variable().endpoint(request.endpoint).clone();
    let sent = |name| request.headers.get(name);
    if let Some(token) = settings.bearer
        && sent(AUTHORIZATION).is_none_or(|sent| *sent != format!("Bearer {token}"))
    {
        let refused = error(401, "invalid_token", "a bearer token is required");
        return with(refused, WWW_AUTHENTICATE, "Bearer");
    }
    let mut answer = match request.endpoint {
        Endpoint::Token | Endpoint::Revocation if request.method != Method::POST => only("POST"),
        Endpoint::Token => token_endpoint::issue(state, request),
        Endpoint::Revocation => token_endpoint::revoke(state, request),
        Endpoint::Other => error(404, "not_found", "nothing is served here"),
        _ if request.method != Method::GET => only("GET"),
        Endpoint::Discovery => {
            let variable = state.variable();
            let mut metadata = variable.metadata.clone();
            if request.uri.path().starts_with(OAUTH) {
                for (member, value) in &variable.oauth_metadata {
                    metadata[member] = value.clone();
                }
            }
            json(&metadata)
        }
        Endpoint::Jwks => {
            let keys = json!({ "keys": state.variable().published });
            answer(200, "application/jwk-set+json", keys.to_string())
        }
    };
    let date = date(state, settings.date_skew);
    answer.headers_mut().insert(DATE, date);
    if answer.status() != StatusCode::OK {
        return answer;
    }
    if settings.etag {
        let tag = format!("\"{}\"", base64url(digest(&SHA256, answer.body())));
        let tag = HeaderValue::try_from(tag).expect("base64url");
        if sent(IF_NONE_MATCH) == Some(&tag) {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            *answer.body_mut() = Bytes::new();
            answer.headers_mut().remove(CONTENT_TYPE);
        }
        answer.headers_mut().insert(ETAG, tag);
    }
    answer.headers_mut().extend(settings.headers);
    answer
}

fn only(method: &'static str) -> Answer {
    let description = "this endpoint requires another method";
    with(error(405, "invalid_request", description), ALLOW, method)
}

fn date(state: &State, skew: i64) -> HeaderValue {
    const LAST: u64 = 253_402_300_799; // the last second of the year 9999, the limit of HTTP dates
    let now = state.settings.clock.now().as_secs();
    let seconds = now.saturating_add_signed(skew).min(LAST);
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    HeaderValue::try_from(httpdate::fmt_http_date(at)).expect("ASCII")
}
