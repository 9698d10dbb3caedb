//! A refused request. Together with `failure.rs`, this is the only mapping from a failure to a response.

mod response;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::{
    challenge::Challenge,
    failure::{Failure, FailureKind},
    log::{escape, escape_to, mask},
    policy::ScopePolicy,
    principal::Principal,
    refusal_log::{RefusalLog, log_at_level_of},
    schemes::Schemes,
};
pub use response::RenderedBody;
pub(crate) use response::{Renderer, render};

/// A refused request, and why. It is also in the extensions of the response, for outer layers.
#[derive(Clone, thiserror::Error)]
#[error("{}", .0.failure)]
#[must_use = "a refusal that is not returned refuses nothing"]
pub struct Refusal(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    failure: Failure,
    challenges: Vec<HeaderValue>,
    caller: Option<Principal>,
    required: Option<ScopePolicy>,
    /// For an anonymous caller: the schemes that it can use.
    schemes: Option<Arc<Schemes>>,
    log: Option<Arc<RefusalLog>>,
}

impl From<Failure> for Inner {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            challenges: Vec::new(),
            caller: None,
            required: None,
            schemes: None,
            log: None,
        }
    }
}

impl Refusal {
    /// A refusal with `challenges`. The challenge at `index` states the error.
    pub(crate) fn new(failure: Failure, challenges: &[Arc<Challenge>], index: usize) -> Self {
        let kind = failure.kind();
        let to_header = |(at, challenge): (usize, &Arc<Challenge>)| match kind.error_code() {
            Some(code) if at == index => challenge.with_error(code, failure.external(), None),
            _ => challenge.plain(),
        };
        Self(Arc::new(Inner {
            challenges: match kind.is_challenged() {
                true => challenges.iter().enumerate().map(to_header).collect(),
                false => Vec::new(),
            },
            log: Some(challenges[index].log().clone()),
            ..failure.into()
        }))
    }

    pub(crate) fn anonymous(schemes: &Arc<Schemes>) -> Self {
        let failure = Failure::new(FailureKind::NoCredentials, schemes.message.clone());
        let mut refusal = Self::new(failure, &schemes.challenges, 0);
        refusal.inner().schemes = Some(schemes.clone());
        refusal
    }

    /// Refuses an authenticated caller. The challenge of its own scheme names the `required` scopes, if any.
    pub(crate) fn of_caller(
        failure: Failure,
        caller: &Principal,
        required: Option<&ScopePolicy>,
    ) -> Self {
        let code = failure.kind().error_code().expect("400 and 403 have one");
        let scope = required.map(ScopePolicy::challenge_scope);
        let challenge = caller.challenge();
        Self(Arc::new(Inner {
            challenges: vec![challenge.with_error(code, failure.external(), scope.as_deref())],
            caller: Some(caller.clone()),
            required: required.cloned(),
            log: Some(challenge.log().clone()),
            ..failure.into()
        }))
    }

    pub(crate) fn misconfigured(internal: &'static str) -> Self {
        Self(Arc::new(Failure::misconfigured(internal).into()))
    }

    pub(crate) fn with_fallback_log(mut self, log: &Arc<RefusalLog>) -> Self {
        self.inner().log.get_or_insert_with(|| log.clone());
        self
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// The kind of refusal.
    pub fn kind(&self) -> FailureKind {
        self.0.failure.kind()
    }

    /// The status of the response. A gRPC response has status 200 instead, and a gRPC status in its headers.
    pub fn status(&self) -> StatusCode {
        self.kind().status()
    }

    /// The failure behind it.
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// The authenticated caller, if a guard or extractor refused one.
    pub fn principal(&self) -> Option<&Principal> {
        self.0.caller.as_ref()
    }

    /// The response to a request with this head: a problem document (RFC 9457), or trailers-only for gRPC.
    ///
    /// This also logs the refusal, with the method and the path but not the query: at `error` if the service is wired
    /// wrongly, at `warn` if something it depends on is unavailable, otherwise at `debug`. Of each [`FailureKind`], 50
    /// refusals a second are logged; the first line after that second counts the rest.
    #[must_use]
    pub fn into_response(
        mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Response<Bytes> {
        if let Some(schemes) = &self.0.schemes
            && let Some(message) = schemes.misplaced(headers, uri)
        {
            let inner = self.inner();
            // The log needs only this message: `with_external` adds the general one.
            let failure = inner.failure.clone().with_external(message.clone());
            inner.failure = failure.with_internal(message);
        }
        self.log(method, uri, extensions);
        let mut response = if response::is_grpc(method, headers) {
            self.grpc_response()
        } else {
            self.http_response()
        };
        response.extensions_mut().insert(self);
        response
    }

    /// As [`into_response`](Self::into_response), which also logs the refusal.
    pub(crate) fn respond_to<B>(self, request: &Request<B>) -> Response<Bytes> {
        self.into_response(
            request.method(),
            request.uri(),
            request.headers(),
            request.extensions(),
        )
    }

    fn log(&self, method: &Method, uri: &Uri, extensions: &Extensions) {
        let kind = self.kind();
        let log = self.0.log.as_ref();
        // Call `admit` even if this level is off: it also reports suppressed refusals of kinds whose level may be on.
        if log.is_some_and(|log| !log.admit(kind)) {
            return;
        }
        let caller = self.principal();
        let required = self.0.required.as_ref();
        log_at_level_of!(
            kind,
            ?kind,
            reason = &*mask(self.failure().internal(), false),
            method = %escape(method.as_str()),
            path = escape(
                log.and_then(|log| (log.fact_finders().original_target)(extensions))
                    .unwrap_or(uri)
                    .path()
            ),
            scheme = caller.map(Principal::scheme),
            issuer = caller.and_then(Principal::issuer).map(escape),
            subject = caller.and_then(Principal::subject).map(escape),
            client_id = caller.and_then(Principal::client_id).map(escape),
            credential_id = caller.and_then(Principal::credential_id).map(escape),
            required = required.map(ScopePolicy::to_string),
            granted = required
                .and(caller)
                .map(|caller| escape_to(caller.scopes().as_str(), 512)),
            "request refused"
        );
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusal").field(&self.0.failure).finish()
    }
}
