//! The CORS layer goes outside, because a preflight has no credentials (Fetch §4.8), and pages need to read refusals.

use axum::{Router, routing::get};
use http::{
    HeaderMap, Method, Request,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN,
    },
};
use portcullis_core::RequireScopeLayer;
use tower_http::cors::CorsLayer;

use super::{
    cases::challenges,
    client::{Client, empty, headers, whole},
    credentials::{Credentials, READ},
    server::Server,
};

const PAGE: &str = "https://shop.example";

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(http::HeaderValue::from_static(PAGE))
        .allow_methods([Method::GET])
        .allow_headers([AUTHORIZATION])
}

fn orders() -> Router {
    Router::new().route("/orders", get("").layer(RequireScopeLayer::all([READ])))
}

async fn preflight(server: &Server) -> http::Response<bytes::Bytes> {
    let mut request = Request::options(server.url("/orders"))
        .body(empty())
        .expect("a request");
    *request.headers_mut() = headers([
        (ORIGIN, PAGE),
        (ACCESS_CONTROL_REQUEST_METHOD, "GET"),
        (ACCESS_CONTROL_REQUEST_HEADERS, "authorization"),
    ]);
    whole(Client::http1().send(request).await).await
}

#[tokio::test]
async fn cors_layer_outside_passes_preflights_and_exposes_refusals() {
    let credentials = Credentials::issue().await;
    let router = orders().route_layer(credentials.layer()).layer(cors());
    let server = Server::axum(router).await;

    let allowed = preflight(&server).await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
    assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_METHODS], "GET");
    assert_eq!(
        allowed.headers()[ACCESS_CONTROL_ALLOW_HEADERS],
        "authorization"
    );

    let token = &credentials.token;
    for (fields, status) in [
        (headers([(ORIGIN, PAGE)]), 401),
        (headers([(ORIGIN, PAGE), (AUTHORIZATION, token)]), 200),
    ] {
        let response = Client::http1().get(&server.url("/orders"), fields).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
    }
}

#[tokio::test]
async fn cors_layer_inside_refuses_preflights_and_hides_refusals() {
    let credentials = Credentials::issue().await;
    let router = orders().layer(cors()).layer(credentials.layer());
    let server = Server::axum(router).await;

    let refused = preflight(&server).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(challenges(refused.headers()), ["Bearer", "ApiKey"]);
    let response = Client::http1()
        .get(&server.url("/orders"), HeaderMap::new())
        .await;
    for unreadable in [refused, response] {
        assert!(
            !unreadable
                .headers()
                .contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
        );
    }
}
