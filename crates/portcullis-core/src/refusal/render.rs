//! Bodies that a user sets in place of problem documents.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};

use super::Refusal;

/// A body in place of the problem document: see
/// [`AuthenticateLayer::render_with`](crate::AuthenticateLayer::render_with).
#[derive(Clone, Debug)]
pub struct RenderedBody {
    /// The media type.
    pub content_type: HeaderValue,
    /// The body.
    pub body: Bytes,
}

/// Makes the body of a refusal.
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
