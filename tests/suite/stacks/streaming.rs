//! Streamed bodies: the layers pass on each part as it arrives, and trailers at the end.

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{Response, Sse, sse::Event},
    routing::{get, post},
};
use futures_util::stream;
use http::{
    HeaderMap, HeaderName,
    header::{AUTHORIZATION, TE, TRAILER},
};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use portcullis_core::RequireScopeLayer;

use super::{
    client::{Client, headers, next_part},
    credentials::{Credentials, READ},
    gate::Gate,
    server::Server,
    timeouts::in_time,
};

#[tokio::test]
async fn server_sent_events_arrive_one_by_one() {
    let credentials = Credentials::issue().await;
    let (gate, mut arrivals) = Gate::new();
    let events = async move || {
        let events = stream::unfold(0, move |number| {
            let passed = gate.pass();
            async move {
                passed.await;
                let event = Event::default().data(number.to_string());
                (number < 3).then_some((Ok::<_, Infallible>(event), number + 1))
            }
        });
        Sse::new(events)
    };
    let router = Router::new()
        .route("/events", get(events).layer(RequireScopeLayer::all([READ])))
        .route_layer(credentials.layer());
    let server = Server::axum(router).await;
    let reader = headers([(AUTHORIZATION, &credentials.token)]);

    for client in [Client::http1(), Client::http2()] {
        let mut body = client.open(&server.url("/events"), reader.clone()).await;
        for number in 0..3 {
            arrivals.next().await.admit();
            assert_eq!(
                next_part(&mut body).await,
                Some(format!("data: {number}\n\n"))
            );
        }
        arrivals.next().await.admit();
        assert_eq!(next_part(&mut body).await, None);
    }
}

const CHECKSUM: HeaderName = HeaderName::from_static("x-checksum");

/// Echoes the body and trailers of a request.
async fn repeat(request: Request) -> Response {
    let body = request.into_body().collect().await.expect("a body");
    let trailers = body.trailers().cloned().unwrap_or_default();
    let mut response = Response::new(Body::new(with_trailers(body.to_bytes(), trailers)));
    response
        .headers_mut()
        .insert(TRAILER, "x-checksum".parse().expect("a value"));
    response
}

fn with_trailers(
    data: impl Into<bytes::Bytes>,
    trailers: HeaderMap,
) -> impl http_body_util::BodyExt<Data = bytes::Bytes, Error = Infallible> + Send + Unpin {
    let frames = [Frame::data(data.into()), Frame::trailers(trailers)];
    StreamBody::new(stream::iter(frames.map(Ok)))
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let credentials = Credentials::issue().await;
    let router = Router::new()
        .route(
            "/orders",
            post(repeat).layer(RequireScopeLayer::all([READ])),
        )
        .route_layer(credentials.layer());
    let server = Server::axum(router).await;

    for client in [Client::http1(), Client::http2()] {
        let trailers = headers([(CHECKSUM, "17")]);
        let mut request = http::Request::post(server.url("/orders"))
            .body(with_trailers("an order", trailers.clone()).boxed_unsync())
            .expect("a request");
        // HTTP/1.1 sends trailers only if they are announced and the client accepts them.
        *request.headers_mut() = headers([
            (AUTHORIZATION, credentials.token.as_str()),
            (TE, "trailers"),
            (TRAILER, "x-checksum"),
        ]);
        let response = client.send(request).await;
        assert_eq!(response.status(), 200);
        let body = in_time(response.collect()).await.expect("a body");
        assert_eq!(body.trailers(), Some(&trailers));
        assert_eq!(body.to_bytes(), "an order");
    }
}
