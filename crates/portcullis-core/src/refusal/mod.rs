//! The only mapping from a failure to a response.
//!
//! | failure | status | challenge | gRPC |
//! |---|---|---|---|
//! | no credentials | 401 | every scheme offered, no `error` | 16 |
//! | malformed | 400 | `error="invalid_request"` | 3 |
//! | invalid | 401 | `error="invalid_token"` | 16 |
//! | scope missing, not a machine | 403 | `error="insufficient_scope"` | 7 |
//! | over its limit | 429 | `Retry-After` | 8 |
//! | cannot decide | 503 | `Retry-After` | 14 |
//! | wired wrongly | 500 | none | 13 |

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    Extensions, HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
        WWW_AUTHENTICATE,
    },
};
use serde::Serialize;

use crate::{
    Challenge, Failure, FailureKind, Principal, ScopePolicy, escape, escape_to, mask,
    offer::Offer,
    refusal_log::{RefusalLog, at_level_of},
};

/// A request that was refused, and why.
///
/// It also rides in the extensions of the response, so that layers outside can see the reason.
#[derive(Clone)]
pub struct Refusal(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    failure: Failure,
    challenges: Vec<HeaderValue>,
    /// A known caller, who lacks something.
    caller: Option<Principal>,
    /// What a caller lacks.
    required: Option<ScopePolicy>,
    /// What a caller that sent no credentials can send.
    offer: Option<Arc<Offer>>,
    log: Option<Arc<RefusalLog>>,
}

impl Refusal {
    /// A refusal that offers `challenges`; the one at `presented` states the reason.
    pub(crate) fn new(
        failure: Failure,
        challenges: &[Arc<Challenge>],
        presented: Option<usize>,
    ) -> Self {
        let kind = failure.kind();
        let log = challenges
            .get(presented.unwrap_or_default())
            .map(|challenge| challenge.log().clone());
        let stated = |(index, challenge): (usize, &Arc<Challenge>)| match kind.error_code() {
            Some(code) if presented == Some(index) => {
                challenge.with_error(code, failure.external(), None)
            }
            _ => challenge.plain(),
        };
        let challenges = if kind.is_challenged() {
            challenges.iter().enumerate().map(stated).collect()
        } else {
            Vec::new()
        };
        Self::of_inner(failure, challenges, log)
    }

    /// A refusal of a caller that sent no credentials.
    pub(crate) fn without_credentials(offer: &Arc<Offer>) -> Self {
        let failure = Failure::new(FailureKind::NoCredentials, offer.message().to_owned());
        let mut refusal = Self::new(failure, offer.challenges(), None);
        refusal.inner().offer = Some(offer.clone());
        refusal
    }

    /// A refusal of a known caller, whose own scheme says what is missing: `required`, where that is scopes.
    pub(crate) fn forbidden(
        failure: Failure,
        caller: &Principal,
        required: Option<&ScopePolicy>,
    ) -> Self {
        let code = failure.kind().error_code().unwrap_or("insufficient_scope");
        let scope = required.map(ScopePolicy::challenge_scope);
        let challenge = caller.challenge();
        let challenges = vec![challenge.with_error(code, failure.external(), scope)];
        let mut refusal = Self::of_inner(failure, challenges, Some(challenge.log().clone()));
        let inner = refusal.inner();
        inner.caller = Some(caller.clone());
        inner.required = required.cloned();
        refusal
    }

    /// A refusal because the service is wired wrongly.
    pub(crate) fn misconfigured(internal: &'static str) -> Self {
        let failure = Failure::new(
            FailureKind::Misconfigured,
            "this service is not configured correctly",
        );
        Self::new(failure.with_internal(internal), &[], None)
    }

    /// Has this refusal counted in `log`, unless it is counted elsewhere already.
    pub(crate) fn logged_by(mut self, log: &Arc<RefusalLog>) -> Self {
        self.inner().log.get_or_insert_with(|| log.clone());
        self
    }

    fn of_inner(
        failure: Failure,
        challenges: Vec<HeaderValue>,
        log: Option<Arc<RefusalLog>>,
    ) -> Self {
        Self(Arc::new(Inner {
            failure,
            challenges,
            caller: None,
            required: None,
            offer: None,
            log,
        }))
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// What kind of refusal it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.0.failure.kind()
    }

    /// The status of the response; a gRPC response carries [`FailureKind::grpc_code`] under status 200 instead.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind().status()
    }

    /// The failure behind it.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// The caller, where it is known and lacks something.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.0.caller.as_ref()
    }

    /// Refuses a request with this head.
    ///
    /// This is also where a refusal is logged, with the method and the path but not the query: at `error` when the
    /// service is wired wrongly, at `warn` when something it depends on is out of reach, otherwise at `debug`. Of the
    /// refusals of one [`FailureKind`], 50 a second are logged; the next line after that second counts the rest.
    pub fn of(
        mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> RefusedRequest {
        if let Some(offer) = &self.0.offer
            && let Some(misplaced) = offer.misplaced(headers, uri)
        {
            let inner = self.inner();
            inner.failure = inner.failure.clone().told(misplaced);
        }
        self.log(method, uri, extensions);
        RefusedRequest {
            refusal: self,
            grpc: method == Method::POST && says_grpc(headers),
        }
    }

    pub(crate) fn of_request<B>(self, request: &Request<B>) -> RefusedRequest {
        self.of(
            request.method(),
            request.uri(),
            request.headers(),
            request.extensions(),
        )
    }

    fn http(&self) -> Response<Bytes> {
        let failure = self.failure();
        let mut response = Response::new(self.problem());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for challenge in &self.0.challenges {
            headers.append(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(wait) = failure.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response
    }

    /// Trailers-only: the status stands where the headers do, and no body follows.
    fn grpc(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        // Any request can say that it is a gRPC call, and a cache would keep the 200 for those that are none.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            "grpc-status",
            HeaderValue::from(u16::from(self.kind().grpc_code())),
        );
        if let Ok(message) = HeaderValue::from_str(&percent_encoded(self.failure().external())) {
            headers.insert("grpc-message", message);
        }
        response
    }

    fn problem(&self) -> Bytes {
        let status = self.status();
        let problem = Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.failure().external(),
            error: self.kind().error_code(),
            scope: self.0.required.as_ref().map(ScopePolicy::challenge_scope),
        };
        // Text and a number cannot fail to serialise; were it otherwise, the status still says it all.
        serde_json::to_vec(&problem).unwrap_or_default().into()
    }

    fn log(&self, method: &Method, uri: &Uri, extensions: &Extensions) {
        let kind = self.kind();
        // Whatever the level, since this refusal may sum up those of a kind that is logged.
        if let Some(log) = &self.0.log {
            let admitted = log.admit(kind);
            admitted.sum_up();
            if !admitted.line {
                return;
            }
        }
        macro_rules! log {
            ($level:ident, $enabled:ident) => {
                if tracing::enabled!(tracing::Level::$enabled) {
                    let caller = Caller::of(self);
                    tracing::$level!(
                        ?kind,
                        reason = &*mask(self.failure().internal()),
                        method = %escape(method.as_str()),
                        path = escape(self.path(uri, extensions)),
                        scheme = caller.scheme,
                        issuer = caller.issuer,
                        subject = caller.subject,
                        client_id = caller.client_id,
                        credential_id = caller.credential_id,
                        required = caller.required,
                        granted = caller.granted,
                        "request refused"
                    );
                }
            };
        }
        at_level_of!(kind, log);
    }

    /// The path as the client sent it, where the layer was told how to find it.
    fn path<'r>(&self, uri: &'r Uri, extensions: &'r Extensions) -> &'r str {
        let log = self.0.log.as_ref();
        let original = log.and_then(|log| log.facts().find_original_target(extensions));
        original.unwrap_or(uri).path()
    }
}

/// What the log says about a known caller. An issuer chose its names, and the caller may have chosen some of them.
#[derive(Default)]
struct Caller {
    scheme: Option<&'static str>,
    issuer: Option<String>,
    subject: Option<String>,
    client_id: Option<String>,
    credential_id: Option<String>,
    required: Option<String>,
    granted: Option<String>,
}

impl Caller {
    /// Enough for most lists of scopes.
    const SCOPES: usize = 512;

    fn of(refusal: &Refusal) -> Self {
        let Some(caller) = refusal.principal() else {
            return Self::default();
        };
        let required = refusal.0.required.as_ref().map(ScopePolicy::to_string);
        Self {
            scheme: Some(caller.scheme()),
            issuer: caller.issuer().map(escape),
            subject: caller.subject().map(escape),
            client_id: caller.client_id().map(escape),
            credential_id: caller.credential_id().map(escape),
            granted: required
                .is_some()
                .then(|| escape_to(caller.scopes().as_str(), Self::SCOPES)),
            required,
        }
    }
}

/// A refusal of one request: it knows which protocol that is answered in.
///
/// A gRPC call is a `POST` with a content type of `application/grpc…`. Any other request that says so must not be
/// refused with status 200, which whoever looks at the status alone, as a proxy that asks whether a request may pass,
/// takes for a yes.
#[derive(Clone, Debug)]
#[must_use = "a refusal does nothing unless it is sent"]
pub struct RefusedRequest {
    refusal: Refusal,
    grpc: bool,
}

impl RefusedRequest {
    /// Why.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// The response: a problem document (RFC 9457), or for gRPC a trailers-only response.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let Self { refusal, grpc } = self;
        let mut response = if grpc { refusal.grpc() } else { refusal.http() };
        response.extensions_mut().insert(refusal);
        response
    }
}

/// The members of RFC 9457 §3.1, and as extensions OAuth's error code and the scope that is needed.
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

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusal").field(&self.0.failure).finish()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.failure.fmt(f)
    }
}

impl std::error::Error for Refusal {}

/// A body that stands in for the problem document: see
/// [`AuthenticateLayer::render_with`](crate::AuthenticateLayer::render_with).
#[derive(Clone, Debug)]
pub struct RenderedBody {
    /// The body's media type.
    pub content_type: HeaderValue,
    /// The body.
    pub body: Bytes,
}

/// Makes the body of a refusal.
pub(crate) type Renderer = Arc<dyn Fn(&Refusal) -> RenderedBody + Send + Sync>;

/// The user's body for a response that is a refusal; `None` for any other, and for gRPC, which has no body.
pub(crate) fn rerendered<B>(response: &mut Response<B>, renderer: &Renderer) -> Option<Bytes> {
    if response.headers().contains_key("grpc-status") {
        return None;
    }
    let rendered = renderer(response.extensions().get::<Refusal>()?);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, rendered.content_type);
    // What stood in the response's body is gone, and with it what described it.
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_ENCODING);
    Some(rendered.body)
}

fn says_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().get(..GRPC.len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

/// `grpc-message`: printable ASCII other than `%` as it is, the rest percent-encoded.
fn percent_encoded(message: &str) -> String {
    use fmt::Write as _;
    message
        .bytes()
        .fold(String::with_capacity(message.len()), |mut encoded, byte| {
            match byte {
                b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
                _ => {
                    let _ = write!(encoded, "%{byte:02X}");
                }
            }
            encoded
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenges() -> Vec<Arc<Challenge>> {
        ["Bearer", "ApiKey"]
            .map(|name| Arc::new(Challenge::new(name, "orders").expect("valid")))
            .to_vec()
    }

    #[test]
    fn one_challenge_for_each_scheme_and_the_reason_where_it_belongs() {
        let offered = challenges();
        let refusal = Refusal::new(
            Failure::invalid("the access token expired"),
            &offered,
            Some(0),
        );
        let response = refusal.of_request(&Request::new(())).into_response();
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
    fn e1_the_body_is_a_problem_document() {
        let response = Refusal::misconfigured("no layer")
            .of_request(&Request::new(()))
            .into_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(problem["status"], 500);
        assert!(
            !problem.to_string().contains("no layer"),
            "the internal message stays inside"
        );
    }

    #[test]
    fn grpc_gets_trailers_only() {
        let request = Request::post("/orders.v1.Orders/List")
            .header(CONTENT_TYPE, "application/grpc+proto")
            .body(())
            .expect("a request");
        let response = Refusal::new(Failure::unavailable("100% out"), &challenges(), None)
            .of_request(&request)
            .into_response();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], "14");
        assert_eq!(response.headers()["grpc-message"], "100%25 out");
        assert!(response.body().is_empty());
    }

    #[test]
    fn a_wait_is_never_rounded_to_less() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
