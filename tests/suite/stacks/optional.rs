//! Optional authentication admits anonymous callers, and refuses bad credentials.

use axum::{Router, routing::get};
use http::{HeaderMap, header::AUTHORIZATION};
use portcullis_axum::{Caller, Scoped};
use portcullis_core::{RequireMachineLayer, RequireScopeLayer, scope};

use super::{
    cases::{assert_table_over_http, challenges, serve},
    client::{Client, headers},
    credentials::{API_KEY, Credentials, READ},
    server::Server,
};

scope!(ReadOrders = "orders:read");

async fn greet(principal: Option<Caller>) -> &'static str {
    principal.map_or("anonymous", |principal| principal.scheme())
}

async fn greet_reader(reader: Option<Scoped<ReadOrders>>) -> &'static str {
    reader.map_or("anonymous", |Scoped(principal, _)| principal.scheme())
}

async fn start(credentials: &Credentials) -> Server {
    let list = async |request: axum::extract::Request| serve(&request.into_parts().0);
    let router = Router::new()
        .route("/", get(greet))
        .route("/reader", get(greet_reader))
        .route("/principal", get(async |_: Caller| ""))
        .route("/machine", get("").layer(RequireMachineLayer::new()))
        .route("/scoped", get(async |_: Scoped<ReadOrders>| ""))
        .route("/orders", get(list).layer(RequireScopeLayer::all([READ])))
        .route_layer(credentials.layer().optional());
    Server::axum(router).await
}

#[tokio::test]
async fn without_guards_anonymous_callers_are_served() {
    let credentials = Credentials::issue().await;
    let server = start(&credentials).await;
    for (sent, served) in [
        (HeaderMap::new(), "anonymous"),
        (headers([(AUTHORIZATION, "Basic abc")]), "anonymous"),
        (headers([(AUTHORIZATION, &credentials.token)]), "jwt"),
        (headers([(API_KEY, &credentials.key)]), "api-key"),
    ] {
        for path in ["/", "/reader"] {
            let response = Client::http1().get(&server.url(path), sent.clone()).await;
            assert_eq!(response.status(), 200, "{path} {sent:?}");
            assert_eq!(response.body(), served, "{path} {sent:?}");
        }
    }
}

#[tokio::test]
async fn bad_credential_is_not_anonymous() {
    let credentials = Credentials::issue().await;
    let server = start(&credentials).await;
    for (sent, status) in [
        (headers([(AUTHORIZATION, "Bearer bad")]), 401),
        (headers([(API_KEY, "bad")]), 401),
        (headers([(AUTHORIZATION, "Bearer")]), 400),
        (headers([(API_KEY, "")]), 400),
        (
            headers([
                (AUTHORIZATION, &credentials.token),
                (API_KEY, &credentials.key),
            ]),
            400,
        ),
    ] {
        let response = Client::http1().get(&server.url("/"), sent.clone()).await;
        assert_eq!(response.status(), status, "{sent:?}");
    }
    let stranger = headers([(AUTHORIZATION, &credentials.stranger_token)]);
    let known = Client::http1().get(&server.url("/reader"), stranger).await;
    assert_eq!(
        known.status(),
        403,
        "an authenticated caller without the scope is not anonymous"
    );
}

#[tokio::test]
async fn guards_and_extractors_still_require_credentials() {
    let credentials = Credentials::issue().await;
    let server = start(&credentials).await;
    for path in ["/principal", "/machine", "/scoped", "/orders"] {
        let response = Client::http1()
            .get(&server.url(path), HeaderMap::new())
            .await;
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(
            challenges(response.headers()),
            ["Bearer", "ApiKey"],
            "{path}"
        );
    }
    // A guarded route answers as with required authentication.
    assert_table_over_http(&server, "/orders", &credentials).await;
}
