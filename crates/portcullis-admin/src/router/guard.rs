//! What holds for all routes.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};

use crate::router::problem::Problem;

/// Refuses requests that a page of another site makes a browser send, other than reads. Programs do not send the header.
pub(crate) async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site");
    let is_same = site.is_none_or(|site| {
        ["same-origin", "same-site", "none"]
            .iter()
            .any(|same| site == same)
    });
    if is_same || request.method().is_safe() {
        return next.run(request).await;
    }
    let detail = "a page of another site sent this request: send it from the page of this service";
    Problem::new(StatusCode::FORBIDDEN, detail).into_response()
}

/// No cache may store an answer: it has metadata of keys, or a new key.
pub(crate) async fn forbid_storing(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}
