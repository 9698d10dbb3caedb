//! The facts of a request that a scheme sees. Each framework stores them in a different place.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, routing::get};
use http::HeaderMap;
use hyper::body::Incoming;
use portcullis_core::{
    AuthenticateLayer,
    facts::{FactFinders, OriginalTarget, PeerAddress, RouteTemplate},
    scheme::{Challenge, CredentialSource, Failure, Head, Outcome, Scheme},
};
use tonic::transport::{Server as Tonic, server::TcpConnectInfo};
use tonic_health::server::health_reporter;

use super::{
    client::Client,
    server::Server,
    tonic::{check, connect, serve},
};

/// Facts of one request.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    peer_address: Option<SocketAddr>,
    path: String,
    original_target: Option<String>,
    route_template: Option<String>,
}

/// A scheme that rejects every request and records its facts.
#[derive(Clone)]
struct Recorder {
    challenge: Arc<Challenge>,
    seen: Arc<Mutex<Seen>>,
}

impl Recorder {
    fn new() -> Self {
        Self {
            challenge: Arc::new(Challenge::new("Recorder", "orders").expect("a realm")),
            seen: Arc::default(),
        }
    }

    fn layer(&self, finders: FactFinders) -> AuthenticateLayer {
        AuthenticateLayer::new(self.clone()).fact_finders(finders)
    }

    fn recorded(&self) -> Seen {
        self.seen.lock().expect("no panic").clone()
    }
}

impl Scheme for Recorder {
    fn source(&self) -> CredentialSource {
        CredentialSource::Connection
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
        *self.seen.lock().expect("no panic") = Seen {
            peer_address: head.peer_address(),
            path: head.uri.path().to_owned(),
            original_target: head.original_target().map(ToString::to_string),
            route_template: head.route_template().map(str::to_owned),
        };
        Ok(None)
    }

    fn authenticate(&self, _: &Head<'_>, _: &[u8]) -> Outcome {
        Outcome::Done(Err(Failure::invalid("nobody")))
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.challenge
    }
}

#[tokio::test]
async fn axum_preset_finds_all_facts() {
    let recorder = Recorder::new();
    let orders = Router::new()
        .route("/orders/{id}", get(""))
        .route_layer(recorder.layer(portcullis_axum::fact_finders()));
    let app = Router::new()
        .nest("/api", orders)
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = Server::start(|listener, stopped| async {
        let serve = axum::serve(listener, app).with_graceful_shutdown(stopped);
        serve.await.expect("axum serves");
    })
    .await;

    Client::http1()
        .get(&server.url("/api/orders/7?page=2"), HeaderMap::new())
        .await;
    let seen = recorder.recorded();
    assert!(seen.peer_address.expect("an address").ip().is_loopback());
    assert_eq!(seen.path, "/orders/7");
    assert_eq!(
        seen.original_target.as_deref(),
        Some("/api/orders/7?page=2")
    );
    assert_eq!(seen.route_template.as_deref(), Some("/api/orders/{id}"));
}

#[tokio::test]
async fn tonic_peer_address_is_in_its_connect_info() {
    let recorder = Recorder::new();
    let mut finders = FactFinders::default();
    finders.peer_address = |extensions| extensions.get::<TcpConnectInfo>()?.remote_addr();
    let server = serve!(
        Tonic::builder()
            .layer(recorder.layer(finders))
            .add_service(health_reporter().1)
    )
    .await;

    check(connect(&server).await, HeaderMap::new())
        .await
        .expect_err("nobody passes");
    assert!(
        recorder
            .recorded()
            .peer_address
            .expect("an address")
            .ip()
            .is_loopback()
    );
}

#[tokio::test]
async fn custom_service_can_provide_facts() {
    let recorder = Recorder::new();
    let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
    let service = tower::ServiceBuilder::new()
        .map_request(move |mut request: http::Request<Incoming>| {
            let target = OriginalTarget(request.uri().clone());
            request.extensions_mut().insert(PeerAddress(peer));
            request.extensions_mut().insert(target);
            request
                .extensions_mut()
                .insert(RouteTemplate("/{any}".to_owned()));
            request
        })
        .layer(recorder.layer(FactFinders::default()))
        .service(Router::new());
    let server = Server::hyper(service).await;

    Client::http1()
        .get(&server.url("/orders"), HeaderMap::new())
        .await;
    let expected = Seen {
        peer_address: Some(peer),
        path: "/orders".to_owned(),
        original_target: Some("/orders".to_owned()),
        route_template: Some("/{any}".to_owned()),
    };
    assert_eq!(recorder.recorded(), expected);
}
