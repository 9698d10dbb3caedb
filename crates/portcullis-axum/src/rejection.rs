use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use portcullis_core::{Refusal, RefusedRequest};

/// An extractor's refusal: the same response that a guard layer would give (a problem document, or trailers-only for
/// gRPC).
#[derive(Clone, Debug)]
pub struct Rejection(RefusedRequest);

impl Rejection {
    pub(crate) fn new(refusal: Refusal, parts: &Parts) -> Self {
        Self(refusal.of(&parts.method, &parts.uri, &parts.headers, &parts.extensions))
    }

    /// Why.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        self.0.refusal()
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.refusal().status()
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.into_response().map(Body::from)
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.refusal().fmt(f)
    }
}

impl std::error::Error for Rejection {}
