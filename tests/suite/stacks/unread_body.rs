//! A refusal does not wait for the request's body and does not read it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::{Router, body::Body, extract::Request, middleware::map_request, routing::post};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::AUTHORIZATION;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, SizeHint};
use portcullis_core::RequireScopeLayer;
use portcullis_tests::Connection;

use super::{
    client::{Client, headers, whole},
    credentials::{Credentials, READ},
    server::Server,
};

const GIBIBYTE: usize = 1 << 30;

/// A service that accepts orders, and the number of times that the body of a request was polled.
async fn start(credentials: &Credentials) -> (Server, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = reads.clone();
    let counted = map_request(move |request: Request| {
        let reads = counter.clone();
        async { request.map(|body| Body::new(Counted { body, reads })) }
    });
    let router = Router::new()
        .route(
            "/orders",
            post(async |order: Bytes| order).layer(RequireScopeLayer::all([READ])),
        )
        .route_layer(credentials.layer())
        .layer(counted);
    (Server::axum(router).await, reads)
}

#[tokio::test]
async fn large_body_is_refused_before_it_is_sent() {
    let credentials = Credentials::issue().await;
    let (server, reads) = start(&credentials).await;
    let stranger = format!("authorization: {}\r\n", credentials.stranger_token);

    for (sent, status) in [
        ("", 401),
        ("authorization: Bearer\r\n", 400),
        (&stranger, 403),
    ] {
        let mut connection = Connection::open(server.address()).await;
        connection.send(post_head(sent, GIBIBYTE)).await;
        let response = connection.response().await;
        assert_eq!(response.status, status);
        assert_eq!(response.json()["status"], status);
        // The body would follow, so the server closes the connection.
        assert!(connection.rest().await.is_empty());
    }
    assert_eq!(reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn expect_100_continue_is_refused_without_the_body() {
    let credentials = Credentials::issue().await;
    let (server, reads) = start(&credentials).await;

    let expect = "expect: 100-continue\r\n";
    let mut connection = Connection::open(server.address()).await;
    connection.send(post_head(expect, 8)).await;
    assert_eq!(connection.response().await.status, 401);
    assert_eq!(reads.load(Ordering::Relaxed), 0);

    let valid = format!("{expect}authorization: {}\r\n", credentials.token);
    let mut connection = Connection::open(server.address()).await;
    connection.send(post_head(&valid, 8)).await;
    assert_eq!(connection.response().await.status, 100);
    connection.send("an order").await;
    assert_eq!(connection.response().await.text(), "an order");
}

#[tokio::test]
async fn refused_small_body_keeps_the_connection_open() {
    let credentials = Credentials::issue().await;
    let (server, reads) = start(&credentials).await;

    let mut connection = Connection::open(server.address()).await;
    connection.send(post_head("", 8) + "an order").await;
    assert_eq!(connection.response().await.status, 401);
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    let valid = format!("authorization: {}\r\n", credentials.token);
    connection.send(post_head(&valid, 8) + "an order").await;
    assert_eq!(connection.response().await.text(), "an order");
}

#[tokio::test]
async fn http2_endless_body_ends_only_its_stream() {
    let credentials = Credentials::issue().await;
    let (server, reads) = start(&credentials).await;
    let client = Client::http2();

    let kibibyte = Bytes::from_static(&[0; 1024]);
    let endless = stream::repeat(kibibyte).map(|data| Ok(Frame::data(data)));
    let request = http::Request::post(server.url("/orders"));
    let refused = client
        .send(
            request
                .body(StreamBody::new(endless).boxed_unsync())
                .expect("a request"),
        )
        .await;
    assert_eq!(whole(refused).await.status(), 401);
    assert_eq!(reads.load(Ordering::Relaxed), 0);

    let mut request = http::Request::post(server.url("/orders"))
        .body(
            "an order"
                .to_owned()
                .map_err(|never| match never {})
                .boxed_unsync(),
        )
        .expect("a request");
    *request.headers_mut() = headers([(AUTHORIZATION, &credentials.token)]);
    assert_eq!(whole(client.send(request).await).await.body(), "an order");
}

fn post_head(fields: &str, length: usize) -> String {
    format!("POST /orders HTTP/1.1\r\nhost: orders\r\ncontent-length: {length}\r\n{fields}\r\n")
}

/// A body that counts how often it is polled.
struct Counted {
    body: Body,
    reads: Arc<AtomicUsize>,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
