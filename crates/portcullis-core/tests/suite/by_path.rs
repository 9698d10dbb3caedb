//! Policies by path, as for gRPC methods.

use http::Request;
use portcullis_core::{AuthenticateLayer, RequireScopeLayer, Scope, ScopePolicy, ScopesByPath};
use tower::ServiceBuilder;

use crate::{
    parse,
    support::{Fake, send, text},
};

const READ: Scope = Scope::from_static("orders:read");
const WRITE: Scope = Scope::from_static("orders:write");

fn paths() -> ScopesByPath {
    ScopesByPath::new()
        .path("/orders.v1.Orders/List", READ)
        .path("/orders.v1.Orders/Change", ScopePolicy::all([READ, WRITE]))
        .open("/grpc.health.v1.Health/Check")
}

async fn status(paths: ScopesByPath, path: &str, credential: Option<&str>) -> u16 {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()).optional())
        .layer(RequireScopeLayer::by_path(paths).expect("well-formed"))
        .into_inner();
    let mut request = Request::builder().uri(path);
    if let Some(credential) = credential {
        request = request.header("authorization", format!("Bearer {credential}"));
    }
    let request = request.body(()).expect("a request");
    send(&layer, request).await.status().as_u16()
}

#[tokio::test]
async fn each_path_has_its_own_policy() {
    for (path, credential, expected) in [
        ("/orders.v1.Orders/List", Some("reader"), 200),
        ("/orders.v1.Orders/List", Some("nothing"), 403),
        ("/orders.v1.Orders/List", None, 401),
        ("/orders.v1.Orders/Change", Some("reader"), 403),
        ("/orders.v1.Orders/Change", Some("admin"), 200),
        ("/grpc.health.v1.Health/Check", None, 200),
        ("/grpc.health.v1.Health/Check", Some("nothing"), 200),
        ("/grpc.health.v1.Health/Check?a=b", None, 200),
    ] {
        assert_eq!(
            status(paths(), path, credential).await,
            expected,
            "{path} {credential:?}"
        );
    }
}

#[tokio::test]
async fn unlisted_path_is_403() {
    for path in [
        "/orders.v1.Orders/Delete",
        "/",
        "/orders.v1.Orders/list",
        "/orders.v1.Orders/List/",
        "//orders.v1.Orders/List",
        "/grpc.health.v1.Health/Check/",
        "/grpc.health.v1.Health/Chec%6b",
        "/grpc.health.v1.Health/Check/../../orders.v1.Orders/Change",
        "*",
    ] {
        assert_eq!(status(paths(), path, Some("admin")).await, 403, "{path}");
        assert_eq!(status(paths(), path, None).await, 401, "{path}");
    }
}

#[tokio::test]
async fn otherwise_sets_a_policy_for_unlisted_paths() {
    let paths = || paths().otherwise(WRITE);
    assert_eq!(status(paths(), "/other", Some("admin")).await, 200);
    assert_eq!(status(paths(), "/other", Some("reader")).await, 403);
    assert_eq!(status(paths(), "/other", None).await, 401);
}

/// A router inside could decode or merge these to a listed path.
#[tokio::test]
async fn otherwise_refuses_other_spellings_of_a_path() {
    let paths = || {
        ScopesByPath::new()
            .path("/files/secret", WRITE)
            .path("/users/a%40b", WRITE)
            .path("/users/c+d", WRITE)
            .otherwise(READ)
    };
    for path in [
        "/files/%73ecret",
        "/files/%73%65%63%72%65%74",
        "/files/%2e/secret",
        "/files/./secret",
        "/files/x/../secret",
        "/files/x/%2E%2e/secret",
        "/files//secret",
        "//files/secret",
        "/files%2fsecret",
        "/files%2Fsecret",
        "/files%5Csecret",
        "/files/%2573ecret",
        "/files/secret%00",
        "/users/a@b",
        "/users/c%2Bd",
        "*",
    ] {
        for credential in ["reader", "admin"] {
            assert_eq!(status(paths(), path, Some(credential)).await, 400, "{path}");
        }
        assert_eq!(status(paths(), path, None).await, 401, "{path}");
    }
    for path in [
        "/files/other",
        "/files/",
        "/files/%C3%BC",
        "/users/e%40f",
        "/users/e@f",
    ] {
        assert_eq!(status(paths(), path, Some("reader")).await, 200, "{path}");
    }
    for path in ["/files/secret", "/users/a%40b", "/users/c+d"] {
        assert_eq!(status(paths(), path, Some("reader")).await, 403, "{path}");
        assert_eq!(status(paths(), path, Some("admin")).await, 200, "{path}");
    }
}

#[tokio::test]
async fn other_spelling_of_a_path_is_invalid_request() {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::by_path(paths().otherwise(READ)).expect("well-formed"))
        .into_inner();
    let request = |content_type: &str| {
        Request::post("/x/%61")
            .header("authorization", "Bearer reader")
            .header("content-type", content_type)
            .body(())
            .expect("a request")
    };
    let response = send(&layer, request("text/plain")).await;
    insta::assert_snapshot!(text(&response), @r#"
    400 Bad Request
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders", error="invalid_request", error_description="the path could be read as another one: send it as the service documents it, without `//`, `.`, `..` and needless percent-encoding"

    {"type":"about:blank","title":"Bad Request","status":400,"detail":"the path could be read as another one: send it as the service documents it, without `//`, `.`, `..` and needless percent-encoding","error":"invalid_request"}
    "#);
    let response = send(&layer, request("application/grpc")).await;
    assert_eq!(response.headers()["grpc-status"], "3");
}

#[tokio::test]
async fn refusal_names_the_scope_of_its_path() {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::by_path(paths()).expect("well-formed"))
        .into_inner();
    for (path, scope) in [
        ("/orders.v1.Orders/Change", Some("orders:read orders:write")),
        ("/unlisted", None),
    ] {
        let request = Request::get(path)
            .header("authorization", "Bearer nothing")
            .body(())
            .expect("a request");
        let response = send(&layer, request).await;
        assert_eq!(response.status(), 403);
        let challenge = parse::challenges(response.headers());
        assert_eq!(challenge[0].get("scope"), scope, "{path}");
    }
}

#[tokio::test]
async fn open_path_needs_an_authenticate_layer() {
    let layer = RequireScopeLayer::by_path(paths()).expect("well-formed");
    for path in ["/grpc.health.v1.Health/Check", "/orders.v1.Orders/List"] {
        let request = Request::get(path).body(()).expect("a request");
        assert_eq!(send(&layer, request).await.status(), 500, "{path}");
    }
}

#[test]
fn wrong_path_lists_are_refused() {
    let error = |paths| RequireScopeLayer::by_path(paths).expect_err("a mistake");
    insta::assert_snapshot!(error(ScopesByPath::new()), @"`path`: no path is listed, so every request would be refused: list the paths, or use a policy");
    insta::assert_snapshot!(error(ScopesByPath::new().otherwise(READ)), @"`path`: no path is listed, so every request would be refused: list the paths, or use a policy");
    insta::assert_snapshot!(error(paths().open("/orders.v1.Orders/List")), @r#"`path`: "/orders.v1.Orders/List" is listed twice: list each path once"#);
    insta::assert_snapshot!(error(paths().path("orders.v1.Orders/Get", READ)), @r#"`path`: "orders.v1.Orders/Get" must begin with `/`, or it never matches a request: write `/orders.v1.Orders/Get`"#);
    for pattern in ["/orders/{id}", "/orders/*", "/orders?x=1", "/orders#x"] {
        assert!(
            error(paths().path(pattern, READ))
                .to_string()
                .contains("compared whole"),
            "{pattern}"
        );
    }
}
