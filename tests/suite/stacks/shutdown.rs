//! Graceful shutdown finishes the waiting requests and accepts no others.

use std::pin::pin;

use portcullis_core::{AuthenticateLayer, RequireScopeLayer};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tonic::transport::Server as Tonic;
use tonic_health::server::health_reporter;

use super::{
    client::{Client, next_part, request},
    credentials::READ,
    gated_service::{GatedService, Stack},
    scheme::GatedScheme,
    server::Server,
    timeouts::in_time,
    tonic::{check, connect, serve},
};

#[tokio::test]
async fn shutdown_finishes_a_request_that_waits_in_a_scheme() {
    for stack in Stack::all() {
        for connect in [Client::http1, Client::http2] {
            let mut service = GatedService::start(stack).await;
            let client = connect();
            let url = service.server.url("/orders");
            let mut call = pin!(client.send(request(&url, GatedService::credential())));
            let in_scheme = service.scheme.next_during(&mut call).await;

            stop_listening(&mut service.server).await;
            in_scheme.admit();
            service.handler.next_during(&mut call).await.admit();
            let mut body = call.await.into_body();
            assert_eq!(next_part(&mut body).await.as_deref(), Some("0"));
            service.body.next().await.admit();
            assert_eq!(next_part(&mut body).await.as_deref(), Some("1"));
            assert_eq!(next_part(&mut body).await, None);
            service.server.ended().await;
        }
    }
}

#[tokio::test]
async fn shutdown_finishes_a_tonic_call() {
    let (gated, mut scheme) = GatedScheme::new();
    let mut server = serve!(
        Tonic::builder()
            .layer(AuthenticateLayer::new(gated))
            .layer(RequireScopeLayer::all([READ]))
            .add_service(health_reporter().1)
    )
    .await;
    let mut call = pin!(check(connect(&server).await, GatedService::credential()));
    let in_scheme = scheme.next_during(&mut call).await;

    stop_listening(&mut server).await;
    in_scheme.admit();
    assert_eq!(call.await, Ok(()));
    server.ended().await;
}

/// Tells the server to stop, and waits until it accepts no more connections.
async fn stop_listening(server: &mut Server) {
    server.begin_shutdown();
    while let Ok(mut stream) = TcpStream::connect(server.address()).await {
        // The connection was accepted before the server got the signal. The server will close it.
        let _ = in_time(stream.read(&mut [0; 64])).await;
    }
}
