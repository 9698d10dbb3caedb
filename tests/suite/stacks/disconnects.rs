//! Clients that disconnect while the service waits in a scheme, in the handler or in the body. The request is dropped,
//! later stages do not run, and no capacity is kept.

use std::pin::pin;

use portcullis_core::{AuthenticateLayer, RequireScopeLayer};
use tonic::transport::Server as Tonic;
use tonic_health::server::health_reporter;

use super::{
    client::{Client, next_part, request, whole},
    credentials::READ,
    gate::Gate,
    gated_service::{GatedService, Stack},
    scheme::GatedScheme,
    tonic::{check, connect, serve},
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
    Scheme,
    Handler,
    Body,
}

#[tokio::test]
async fn disconnect_drops_the_request_at_every_stage() {
    for stack in Stack::all() {
        for point in [Point::Scheme, Point::Handler, Point::Body] {
            for connect in [Client::http1, Client::http2] {
                let client = connect();
                println!("{stack:?}, {point:?}, {client:?}");
                let mut service = GatedService::start(stack).await;
                disconnect_at(point, &mut service, &client).await;
                assert_eq!(service.server.requests_alive(), 0);
                // The next request finds capacity, of which stacks with a buffer have one.
                assert_served(&mut service, &client).await;
                assert_eq!(service.server.requests_alive(), 0);
            }
        }
    }
}

async fn disconnect_at(point: Point, service: &mut GatedService, client: &Client) {
    let url = service.server.url("/orders");
    let mut call = Box::pin(client.send(request(&url, GatedService::credential())));

    let in_scheme = service.scheme.next_during(&mut call).await;
    assert_eq!(service.server.requests_alive(), 1);
    if point == Point::Scheme {
        drop(call);
        in_scheme.dropped().await;
        assert!(service.handler.is_empty());
        return;
    }
    in_scheme.admit();

    let in_handler = service.handler.next_during(&mut call).await;
    if point == Point::Handler {
        drop(call);
        in_handler.dropped().await;
        assert!(service.body.is_empty());
        return;
    }
    in_handler.admit();

    let mut body = call.await.into_body();
    assert_eq!(next_part(&mut body).await.as_deref(), Some("0"));
    let in_body = service.body.next().await;
    assert_eq!(service.server.requests_alive(), 1);
    drop(body);
    in_body.dropped().await;
}

async fn assert_served(service: &mut GatedService, client: &Client) {
    let url = service.server.url("/orders");
    let mut call = pin!(client.send(request(&url, GatedService::credential())));
    service.scheme.next_during(&mut call).await.admit();
    service.handler.next_during(&mut call).await.admit();
    let response = call.await;
    service.body.next().await.admit();
    assert_eq!(whole(response).await.body(), "01");
}

#[tokio::test]
async fn disconnect_of_a_tonic_client_drops_the_call() {
    let (gated, mut scheme) = GatedScheme::new();
    let (inside, mut handler) = Gate::new();
    let seen =
        tower::util::MapRequestLayer::new(move |request: http::Request<tonic::body::Body>| {
            drop(inside.pass());
            request
        });
    let server = serve!(
        Tonic::builder()
            .concurrency_limit_per_connection(1)
            .layer(AuthenticateLayer::new(gated))
            .layer(RequireScopeLayer::all([READ]))
            .layer(seen)
            .add_service(health_reporter().1)
    )
    .await;
    let client = connect(&server).await;

    let mut call = Box::pin(check(client.clone(), GatedService::credential()));
    let in_scheme = scheme.next_during(&mut call).await;
    drop(call);
    in_scheme.dropped().await;
    assert!(handler.is_empty());

    let mut call = pin!(check(client, GatedService::credential()));
    scheme.next_during(&mut call).await.admit();
    assert_eq!(call.await, Ok(()));
    assert!(!handler.is_empty());
}
