//! Bodies that the user sets for refusals.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use portcullis_core::{AuthenticateLayer, RenderedBody, RequireScopeLayer, Scope};
use tower::{Layer, ServiceBuilder, ServiceExt};

use crate::support::{Fake, bearing, collected, request, send, text};

const WRITE: Scope = Scope::from_static("orders:write");

fn rendering() -> AuthenticateLayer {
    AuthenticateLayer::new(Fake::bearer()).render_with(|refusal| RenderedBody {
        content_type: HeaderValue::from_static("text/plain"),
        body: format!("{:?}: {refusal}", refusal.kind()).into(),
    })
}

#[tokio::test]
async fn layer_refusals_are_rendered() {
    insta::assert_snapshot!(text(&send(&rendering(), bearing("expired")).await), @r#"
    401 Unauthorized
    cache-control: no-store
    content-type: text/plain
    www-authenticate: Bearer realm="orders", error="invalid_token", error_description="the credential has expired"

    Invalid: the credential has expired
    "#);
    let anonymous = send(&rendering(), request(&[])).await;
    assert_eq!(anonymous.headers()["content-type"], "text/plain");
}

#[tokio::test]
async fn refusals_of_guards_are_rendered() {
    let layer = ServiceBuilder::new()
        .layer(rendering())
        .layer(RequireScopeLayer::all([WRITE]))
        .into_inner();
    insta::assert_snapshot!(text(&send(&layer, bearing("reader")).await), @r#"
    403 Forbidden
    cache-control: no-store
    content-type: text/plain
    www-authenticate: Bearer realm="orders", error="insufficient_scope", error_description="insufficient scope: orders:write required", scope="orders:write"

    InsufficientScope: insufficient scope: orders:write required
    "#);
}

#[tokio::test]
async fn pending_refusals_are_rendered() {
    let slow = Fake::bearer().answering(|fake, credential| {
        let decided = fake.decide(credential);
        portcullis_core::scheme::Outcome::Pending(Box::pin(async { decided }))
    });
    let layer = AuthenticateLayer::new(slow).render_with(|_| RenderedBody {
        content_type: HeaderValue::from_static("text/plain"),
        body: Bytes::from_static(b"no"),
    });
    assert_eq!(send(&layer, bearing("expired")).await.body(), "no");
    assert_eq!(send(&layer, bearing("reader")).await.body(), "hello");
}

#[tokio::test]
async fn ordinary_responses_are_not_rendered() {
    let handler = tower::service_fn(async |_: Request<()>| {
        let mut response = Response::new(Full::<Bytes>::from("mine"));
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        Ok::<_, Infallible>(response)
    });
    let response = rendering()
        .layer(handler)
        .oneshot(bearing("reader"))
        .await
        .expect("infallible");
    let response = collected(response).await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.body(), "mine");
}

#[tokio::test]
async fn grpc_refusals_are_not_rendered() {
    let response = send(
        &rendering(),
        request(&[("content-type", "application/grpc")]),
    )
    .await;
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert!(response.body().is_empty());
}

/// A compression layer between the guard and the authenticate layer describes a body that is replaced.
#[tokio::test]
async fn headers_that_describe_the_old_body_are_removed() {
    let layer = ServiceBuilder::new()
        .layer(rendering())
        .map_response(|mut response: Response<_>| {
            let headers = response.headers_mut();
            headers.insert("content-encoding", HeaderValue::from_static("gzip"));
            headers.insert("content-length", HeaderValue::from_static("7"));
            response
        })
        .layer(RequireScopeLayer::all([WRITE]))
        .into_inner();
    let response = send(&layer, bearing("reader")).await;
    assert!(!response.headers().contains_key("content-encoding"));
    assert!(!response.headers().contains_key("content-length"));
    assert_eq!(response.headers()["content-type"], "text/plain");
}
