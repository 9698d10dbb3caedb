use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::request::Parts;
use portcullis_core::Refusal;

/// An extractor's refusal. The response is the same as that of a guard layer: a problem document, or trailers-only for
/// gRPC.
#[derive(Clone, thiserror::Error)]
#[error("{refusal}")]
pub struct Rejection {
    refusal: Refusal,
    response: Box<Response<Bytes>>,
}

impl Rejection {
    pub(crate) fn new(refusal: Refusal, parts: &Parts) -> Self {
        let response = refusal.clone().into_response(
            &parts.method,
            &parts.uri,
            &parts.headers,
            &parts.extensions,
        );
        // `into_response` may have made the message of its own copy more helpful.
        let refusal = response.extensions().get().cloned().unwrap_or(refusal);
        Self {
            refusal,
            response: Box::new(response),
        }
    }

    /// The refusal: its reason and its status.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.response.map(Body::from)
    }
}

portcullis_core::debug_as_report!(Rejection);
