//! The response of a refusal.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
        WWW_AUTHENTICATE,
    },
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use super::Refusal;
use crate::{failure::whole_seconds, policy::ScopePolicy};

/// The members of RFC 9457 §3.1, with OAuth's error code and the required scope as extensions.
#[derive(Serialize)]
struct Problem<'r> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'r str>,
}

impl Refusal {
    pub(super) fn http_response(&self) -> Response<Bytes> {
        let status = self.status();
        let required = self.0.required.as_ref().map(ScopePolicy::challenge_scope);
        let problem = Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.failure().external(),
            error: self.kind().error_code(),
            scope: required.as_deref(),
        };
        // Text and a number always serialise.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = uncacheable("application/problem+json", body.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for challenge in &self.0.challenges {
            headers.append(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(wait) = self.failure().retry_after() {
            headers.insert(RETRY_AFTER, whole_seconds(wait).into());
        }
        for (name, value) in self.failure().fields() {
            headers.append(name, value.clone());
        }
        response
    }

    /// Trailers-only: the status is in the headers, and there is no body.
    pub(super) fn grpc_response(&self) -> Response<Bytes> {
        let mut response = uncacheable("application/grpc", Bytes::new());
        let headers = response.headers_mut();
        headers.insert("grpc-status", u16::from(self.kind().grpc_code()).into());
        /// `utf8_percent_encode` also escapes non-ASCII.
        const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
        let message = utf8_percent_encode(self.failure().external(), ESCAPED).to_string();
        if let Ok(message) = HeaderValue::try_from(message) {
            headers.insert("grpc-message", message);
        }
        response
    }
}

/// A response that no cache stores: a gRPC refusal has status 200, and any client can send a gRPC content type.
fn uncacheable(content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A body in place of the problem document: see
/// [`AuthenticateLayer::render_with`](crate::AuthenticateLayer::render_with).
#[derive(Clone, Debug)]
pub struct RenderedBody {
    /// The media type.
    pub content_type: HeaderValue,
    /// The body.
    pub body: Bytes,
}

pub(crate) type Renderer = Arc<dyn Fn(&Refusal) -> RenderedBody + Send + Sync>;

/// The user's body for a response that is a refusal. `None` for other responses, and for gRPC, which has no body.
pub(crate) fn render<B>(response: &mut Response<B>, renderer: &Renderer) -> Option<Bytes> {
    if response.headers().contains_key("grpc-status") {
        return None;
    }
    let rendered = renderer(response.extensions().get::<Refusal>()?);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, rendered.content_type);
    // They describe the body that is replaced.
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_ENCODING);
    Some(rendered.body)
}

/// Whether the refusal gets status 200 and a gRPC status in its headers. Only for `POST`, the method of gRPC: a proxy that
/// asks for permission by `GET` and reads only the status would take a 200 for a yes.
pub(super) fn is_grpc(method: &Method, headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    method == Method::POST
        && content_type
            .and_then(|value| value.get(..GRPC.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderName, Request};

    use super::*;
    use crate::{challenge::Challenge, failure::Failure};

    fn challenges() -> Vec<Arc<Challenge>> {
        ["Bearer", "ApiKey"]
            .map(|name| Arc::new(Challenge::new(name, "orders").expect("valid")))
            .to_vec()
    }

    #[test]
    fn each_scheme_has_one_challenge_and_the_presented_one_states_the_reason() {
        let failure = Failure::invalid("the access token expired");
        let refusal = Refusal::new(failure, &challenges(), 0);
        let response = refusal.respond_to(&Request::new(()));
        let sent: Vec<_> = response
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .collect();
        assert_eq!(
            sent,
            [
                r#"Bearer realm="orders", error="invalid_token", error_description="the access token expired""#,
                r#"ApiKey realm="orders""#
            ]
        );
    }

    #[test]
    fn e1_body_is_a_problem_document_without_the_internal_message() {
        let response = Refusal::misconfigured("no layer").respond_to(&Request::new(()));
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(problem["status"], 500);
        assert!(!problem.to_string().contains("no layer"));
    }

    #[test]
    fn fields_of_a_failure_are_in_the_http_response() {
        let failure = Failure::limit_exceeded("over the limit", Duration::from_millis(1_200))
            .with_field(
                HeaderName::from_static("ratelimit"),
                HeaderValue::from_static("\"key\";a=0;w=2"),
            );
        let response = Refusal::new(failure, &challenges(), 0).respond_to(&Request::new(()));
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()["ratelimit"], "\"key\";a=0;w=2");
        assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
    }

    #[test]
    fn network_that_is_not_allowed_is_403_without_a_challenge() {
        let failure = Failure::network_not_allowed("not from here");
        let response = Refusal::new(failure, &challenges(), 0).respond_to(&Request::new(()));
        assert_eq!(response.status(), 403);
        assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
    }

    #[test]
    fn grpc_response_is_trailers_only() {
        let request = Request::post("/orders.v1.Orders/List")
            .header(CONTENT_TYPE, "application/grpc+proto")
            .body(())
            .expect("a request");
        let failure = Failure::unavailable("100% out");
        let response = Refusal::new(failure, &challenges(), 0).respond_to(&request);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], "14");
        assert_eq!(response.headers()["grpc-message"], "100%25 out");
        assert!(response.body().is_empty());
    }
}
