//! Refusals of gRPC calls: status 200, trailers only.

use portcullis_core::{AuthenticateLayer, RequireMachineLayer, RequireScopeLayer, Scope};
use tower::ServiceBuilder;

use crate::support::{Fake, request, send, text};

const WRITE: Scope = Scope::from_static("orders:write");

async fn call(fields: &[(&str, &str)]) -> http::Response<bytes::Bytes> {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::any_of((Fake::bearer(), Fake::key())).expect("two sources"))
        .layer(RequireMachineLayer::new())
        .layer(RequireScopeLayer::all([WRITE]))
        .into_inner();
    let mut fields = fields.to_vec();
    fields.push(("content-type", "application/grpc"));
    send(&layer, request(&fields)).await
}

#[tokio::test]
async fn each_kind_of_refusal_has_its_code() {
    for (fields, code) in [
        (&[][..], "16"),
        (&[("authorization", "Bearer expired")], "16"),
        (&[("authorization", "Bearer")], "3"),
        (&[("authorization", "Bearer reader")], "7"),
        (&[("authorization", "Bearer person")], "7"),
        (&[("authorization", "Bearer busy")], "8"),
        (&[("authorization", "Bearer down")], "14"),
    ] {
        let response = call(fields).await;
        assert_eq!(response.status(), 200, "{fields:?}");
        let headers = response.headers();
        assert_eq!(headers["grpc-status"], code, "{fields:?}");
        assert_eq!(headers["content-type"], "application/grpc");
        assert!(!headers.contains_key("www-authenticate"));
        assert!(response.body().is_empty());
    }
    let passed = call(&[("authorization", "Bearer admin")]).await;
    assert_eq!(passed.body(), "hello");
}

#[tokio::test]
async fn grpc_misconfiguration_is_internal() {
    let fields = [("content-type", "application/grpc")];
    let response = send(&RequireScopeLayer::all([WRITE]), request(&fields)).await;
    assert_eq!(response.headers()["grpc-status"], "13");
    let response = send(&RequireMachineLayer::new(), request(&fields)).await;
    assert_eq!(response.headers()["grpc-status"], "13");
}

#[tokio::test]
async fn grpc_response_is_exactly_trailers_only() {
    insta::assert_snapshot!(text(&call(&[("authorization", "Bearer expired")]).await), @r#"
    200 OK
    cache-control: no-store
    content-type: application/grpc
    grpc-message: the credential has expired
    grpc-status: 16
    "#);
}

#[tokio::test]
async fn b4_grpc_message_names_the_scope() {
    let response = call(&[("authorization", "Bearer reader")]).await;
    assert_eq!(
        response.headers()["grpc-message"],
        "insufficient scope: orders:write required"
    );
}

#[tokio::test]
async fn grpc_is_recognised_by_its_content_type() {
    let layer = AuthenticateLayer::new(Fake::bearer());
    for (content_type, status) in [
        ("application/grpc", 200),
        ("application/grpc+proto", 200),
        ("Application/gRPC; charset=utf-8", 200),
        ("application/grp", 401),
        ("application/json", 401),
        ("text/application/grpc", 401),
    ] {
        let response = send(&layer, request(&[("content-type", content_type)])).await;
        assert_eq!(response.status(), status, "{content_type}");
    }
}

/// A refusal with status 200 could look like a success to a proxy that reads only the status.
#[tokio::test]
async fn requests_that_cannot_be_grpc_are_refused_as_http() {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()).optional())
        .layer(RequireScopeLayer::all([WRITE]))
        .into_inner();
    for (credential, status) in [("Bearer reader", 403), ("Bearer expired", 401)] {
        for method in ["GET", "HEAD", "PUT", "OPTIONS"] {
            let mut request = request(&[
                ("authorization", credential),
                ("content-type", "application/grpc"),
            ]);
            *request.method_mut() = method.parse().expect("a method");
            let response = send(&layer, request).await;
            assert_eq!(response.status(), status, "{method}");
        }
    }
}
