//! A misconfigured service reports the mistake in the log, but not to callers.

use axum::{Router, routing::get};
use http::{HeaderMap, header::AUTHORIZATION};
use portcullis_axum::{Caller, Scoped};
use portcullis_core::{AuthenticateLayer, RequireMachineLayer, RequireScopeLayer, scope};
use tonic::{Code, transport::Server as Tonic};
use tonic_health::server::health_reporter;
use tower::ServiceBuilder;

use super::{
    cases::challenges,
    client::{Client, headers},
    credentials::{Credentials, READ},
    logs::Logs,
    server::Server,
    tonic::{check, connect, serve},
};

scope!(ReadOrders = "orders:read");

/// Sends requests to each path, without and with a valid credential. Each answers 500 and logs one error that contains
/// `why`.
async fn assert_misconfigured<const N: usize>(
    router: Router,
    credentials: &Credentials,
    paths: [&str; N],
    why: &str,
) {
    let logs = Logs::record();
    let server = Server::axum(router).await;
    let reader = headers([(AUTHORIZATION, &credentials.token)]);
    for path in paths {
        for sent in [HeaderMap::new(), reader.clone()] {
            let response = Client::http1().get(&server.url(path), sent).await;
            assert_eq!(response.status(), 500, "{path}");
            assert!(challenges(response.headers()).is_empty(), "{path}");
            let body = String::from_utf8_lossy(response.body()).into_owned();
            assert!(
                !body.contains("Layer"),
                "{path} reveals the mistake: {body}"
            );
        }
    }
    let logged = logs.take();
    assert_eq!(logged.len(), 2 * N, "{logged:#?}");
    for line in logged {
        assert!(line.contains("ERROR") && line.contains(why), "{line}");
    }
}

#[tokio::test]
async fn guard_or_extractor_without_authentication_is_500_and_logged() {
    let credentials = Credentials::issue().await;
    let router = Router::new()
        .route("/scope", get("").layer(RequireScopeLayer::all([READ])))
        .route("/machine", get("").layer(RequireMachineLayer::new()))
        .route("/principal", get(async |_: Caller| ""))
        .route("/optional", get(async |_: Option<Caller>| ""))
        .route("/scoped", get(async |_: Scoped<ReadOrders>| ""))
        .route(
            "/optional-scoped",
            get(async |_: Option<Scoped<ReadOrders>>| ""),
        );
    let paths = [
        "/scope",
        "/machine",
        "/principal",
        "/optional",
        "/scoped",
        "/optional-scoped",
    ];
    assert_misconfigured(router, &credentials, paths, "AuthenticateLayer").await;
}

#[tokio::test]
async fn layers_in_the_wrong_order_are_500_and_logged() {
    let credentials = Credentials::issue().await;
    // The last layer of a router is the outermost.
    let router = Router::new()
        .route("/router", get(""))
        .route_layer(credentials.layer())
        .route_layer(RequireScopeLayer::all([READ]));
    // The first layer of a builder is the outermost.
    let layers = ServiceBuilder::new()
        .layer(RequireScopeLayer::all([READ]))
        .layer(credentials.layer());
    let router = router.merge(Router::new().route("/builder", get("")).route_layer(layers));
    assert_misconfigured(
        router,
        &credentials,
        ["/router", "/builder"],
        "AuthenticateLayer",
    )
    .await;
}

#[tokio::test]
async fn two_authenticate_layers_are_500_and_logged() {
    let credentials = Credentials::issue().await;
    let optional = |layer: AuthenticateLayer| layer.optional();
    let orders = Router::new()
        .route("/orders", get(""))
        .route_layer(optional(credentials.layer()));
    let router = Router::new()
        .nest("/nested", orders)
        .route_layer(optional(credentials.layer()));
    assert_misconfigured(
        router,
        &credentials,
        ["/nested/orders"],
        "two AuthenticateLayers",
    )
    .await;
}

#[tokio::test]
async fn misconfiguration_over_grpc_is_internal_and_logged() {
    let logs = Logs::record();
    let server = serve!(
        Tonic::builder()
            .layer(RequireScopeLayer::all([READ]))
            .add_service(health_reporter().1)
    )
    .await;
    let answer = check(connect(&server).await, HeaderMap::new()).await;
    assert_eq!(answer, Err(Code::Internal));
    let logged = logs.take().concat();
    assert!(
        logged.contains("ERROR") && logged.contains("AuthenticateLayer"),
        "{logged}"
    );
}
