//! The preset finds axum's facts.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::connect_info::{ConnectInfo, MockConnectInfo},
    routing,
};
use http::Request;
use portcullis_axum::Caller;

use crate::support::{get, layer, send};

/// The facts that the scheme found: route, target and peer.
async fn handler(principal: Caller) -> String {
    format!(
        "{} {} {}",
        principal.client_id().expect("set"),
        principal.issuer().expect("set"),
        principal.credential_id().expect("set")
    )
}

#[tokio::test]
async fn preset_finds_route_target_and_peer() {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
    let inner = Router::new()
        .route("/orders/{id}", routing::get(handler))
        .route_layer(layer().fact_finders(portcullis_axum::fact_finders()));
    let app = Router::new().nest("/api", inner);

    assert_eq!(
        get(&app, "/api/orders/7?a=b", Some("none")).await.body(),
        "/api/orders/{id} /api/orders/7?a=b unknown peer"
    );

    let mut request = Request::get("/api/orders/7")
        .header("authorization", "Bearer none")
        .body(Body::empty())
        .expect("a request");
    request.extensions_mut().insert(ConnectInfo(peer));
    assert_eq!(
        send(&app, request).await.body(),
        "/api/orders/{id} /api/orders/7 192.0.2.1:4711"
    );

    let mocked = app.layer(MockConnectInfo(peer));
    assert_eq!(
        get(&mocked, "/api/orders/7", Some("none")).await.body(),
        "/api/orders/{id} /api/orders/7 192.0.2.1:4711"
    );
}

#[tokio::test]
async fn without_the_preset_only_the_stripped_target_is_known() {
    let inner = Router::new()
        .route("/orders/{id}", routing::get(handler))
        .route_layer(layer());
    let app = Router::new().nest("/api", inner);
    assert_eq!(
        get(&app, "/api/orders/7", Some("none")).await.body(),
        "unknown route /orders/7 unknown peer"
    );
}
