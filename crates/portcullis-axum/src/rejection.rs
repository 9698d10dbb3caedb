use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, request::Parts};
use portcullis_core::Refusal;

/// An extractor's refusal: the same response that a guard layer would give (a problem document, or trailers-only for
/// gRPC).
#[derive(Clone, Debug)]
pub struct Rejection {
    refusal: Refusal,
    /// The request's, since gRPC is told by its content type. Empty where the method is not that of gRPC.
    headers: HeaderMap,
}

impl Rejection {
    pub(crate) fn new(refusal: Refusal, parts: &Parts) -> Self {
        Self {
            refusal,
            headers: parts
                .headers
                .get(http::header::CONTENT_TYPE)
                .filter(|_| parts.method == Method::POST)
                .map(|value| (http::header::CONTENT_TYPE, value.clone()))
                .into_iter()
                .collect(),
        }
    }

    /// Why.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.refusal.status()
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.refusal.into_response(&self.headers).map(Body::from)
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.refusal.fmt(f)
    }
}

impl std::error::Error for Rejection {}
