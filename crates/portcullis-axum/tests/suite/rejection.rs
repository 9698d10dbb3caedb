//! An extractor's response equals that of a guard.

use axum::{Router, body::Body, routing};
use http::{HeaderValue, Request};
use portcullis_axum::{Caller, Rejection, Scoped};
use portcullis_core::{FailureKind, Refusal, RenderedBody, RequireScopeLayer};

use crate::support::{ReadOrders, WriteOrders, get, layer, send, text};

async fn handler(_: Scoped<(ReadOrders, WriteOrders)>) {}

fn app() -> Router {
    Router::new().route("/", routing::get(handler).post(handler))
}

#[tokio::test]
async fn b1_anonymous_request_is_401() {
    let app = app().route_layer(layer().optional());
    insta::assert_snapshot!(text(&get(&app, "/", None).await), @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 131
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders"

    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"authentication required: send `Authorization: Bearer <token>`"}
    "#);
}

#[tokio::test]
async fn b4_missing_scope_is_403() {
    let app = app().route_layer(layer());
    insta::assert_snapshot!(text(&get(&app, "/", Some("read")).await), @r#"
    403 Forbidden
    cache-control: no-store
    content-length: 184
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders", error="insufficient_scope", error_description="insufficient scope: orders:read orders:write required", scope="orders:read orders:write"

    {"type":"about:blank","title":"Forbidden","status":403,"detail":"insufficient scope: orders:read orders:write required","error":"insufficient_scope","scope":"orders:read orders:write"}
    "#);
}

#[tokio::test]
async fn missing_layer_is_500() {
    insta::assert_snapshot!(text(&get(&app(), "/", Some("read")).await), @r#"
    500 Internal Server Error
    cache-control: no-store
    content-length: 119
    content-type: application/problem+json

    {"type":"about:blank","title":"Internal Server Error","status":500,"detail":"this service is not configured correctly"}
    "#);
}

#[tokio::test]
async fn b4_rejection_equals_a_guards_refusal() {
    let by_extractor = app().route_layer(layer());
    let by_guard = Router::new()
        .route("/", routing::get(async || ()))
        .route_layer(RequireScopeLayer::all([
            ReadOrders::SCOPE,
            WriteOrders::SCOPE,
        ]))
        .route_layer(layer());
    for credential in [None, Some("none"), Some("read"), Some("bad")] {
        assert_eq!(
            text(&get(&by_extractor, "/", credential).await),
            text(&get(&by_guard, "/", credential).await),
            "{credential:?}"
        );
    }
}

#[tokio::test]
async fn grpc() {
    let layered = app().route_layer(layer().optional());
    for (app, credential, code) in [
        (&layered, None, "16"),
        (&layered, Some("Bearer read"), "7"),
        (&app(), None, "13"),
    ] {
        let mut request = Request::post("/").header("content-type", "application/grpc+proto");
        if let Some(credential) = credential {
            request = request.header("authorization", credential);
        }
        let response = send(app, request.body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], code);
        assert_eq!(response.body(), "");
    }
}

/// A refusal with status 200 is only for what can be a gRPC call.
#[tokio::test]
async fn get_request_is_not_a_grpc_call() {
    let request = Request::get("/")
        .header("content-type", "application/grpc")
        .body(Body::empty())
        .expect("a request");
    let response = send(&app().route_layer(layer().optional()), request).await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn service_bodies_are_not_rendered() {
    let rendering = layer().render_with(|refusal| RenderedBody {
        content_type: HeaderValue::from_static("text/plain"),
        body: format!("no: {}", refusal.status()).into(),
    });
    let app = app().route_layer(rendering);
    let response = get(&app, "/", Some("read")).await;
    assert_eq!(response.body(), "no: 403 Forbidden");
    assert_eq!(response.headers()["content-type"], "text/plain");
    let length = response.headers().get("content-length");
    assert!(
        length.is_none_or(|length| length == "17"),
        "not that of the problem document: {length:?}"
    );
}

#[tokio::test]
async fn handler_can_take_the_caller_apart() {
    async fn handler(principal: Result<Caller, Rejection>) -> String {
        let rejection = principal.expect_err("anonymous");
        assert_eq!(rejection.refusal().status(), 401);
        assert_eq!(rejection.refusal().kind(), FailureKind::NoCredentials);
        rejection.to_string()
    }
    let app = Router::new()
        .route("/", routing::get(handler))
        .route_layer(layer().optional());
    assert_eq!(
        get(&app, "/", None).await.body(),
        "authentication required: send `Authorization: Bearer <token>`"
    );
}

#[tokio::test]
async fn refusal_is_in_the_response_extensions() {
    let app = app().route_layer(layer());
    let response = get(&app, "/", Some("read")).await;
    let refusal = response.extensions().get::<Refusal>().expect("refused");
    assert_eq!(refusal.kind(), FailureKind::InsufficientScope);
}
