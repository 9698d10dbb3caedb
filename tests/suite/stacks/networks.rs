//! API keys with networks, in stacks that provide the peer's address in different ways.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use http::{HeaderMap, HeaderName};
use hyper::body::Incoming;
use portcullis_api_key::{ApiKeys, MemoryStore, Networks, NewKey};
use portcullis_core::{AuthenticateLayer, facts::PeerAddress};

use super::{client::Client, server::Server};

/// A layer, and the headers with a key for loopback addresses and with one for other networks.
fn keys() -> (AuthenticateLayer, [HeaderMap; 2]) {
    let store = MemoryStore::new();
    let headers = ["127.0.0.0/8", "192.0.2.0/24"].map(|network| {
        let networks = Networks::parse([network]).expect("a network");
        let issued = store.create(NewKey::new("billing").networks(networks));
        let key = issued.expect("made").key().expose().to_owned();
        let name = HeaderName::from_static("x-api-key");
        HeaderMap::from_iter([(name, key.parse().expect("ASCII"))])
    });
    (AuthenticateLayer::new(ApiKeys::new(store)), headers)
}

async fn statuses(server: &Server, headers: [HeaderMap; 2]) -> [u16; 2] {
    let mut statuses = [0; 2];
    for (status, headers) in statuses.iter_mut().zip(headers) {
        let response = Client::http1().get(&server.url("/orders"), headers).await;
        *status = response.status().as_u16();
    }
    statuses
}

#[tokio::test]
async fn axum_with_its_preset_checks_the_peer() {
    let (layer, headers) = keys();
    let app = Router::new()
        .route("/orders", get("orders"))
        .route_layer(layer.fact_finders(portcullis_axum::fact_finders()))
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = Server::start(|listener, stopped| async {
        let serve = axum::serve(listener, app).with_graceful_shutdown(stopped);
        serve.await.expect("axum serves");
    })
    .await;
    assert_eq!(statuses(&server, headers).await, [200, 403]);
}

#[tokio::test]
async fn axum_without_its_preset_is_misconfigured() {
    let (layer, headers) = keys();
    let app = Router::new()
        .route("/orders", get("orders"))
        .route_layer(layer);
    let server = Server::axum(app).await;
    assert_eq!(statuses(&server, headers).await, [500, 500]);
}

#[tokio::test]
async fn hyper_service_can_insert_the_peer() {
    let (layer, headers) = keys();
    let service = tower::ServiceBuilder::new()
        .map_request(|mut request: http::Request<Incoming>| {
            let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
            request.extensions_mut().insert(PeerAddress(peer));
            request
        })
        .layer(layer)
        .service(Router::new().route("/orders", get("orders")));
    let server = Server::hyper(service).await;
    assert_eq!(statuses(&server, headers).await, [403, 200]);
}
