//! The layers guard the handshake of a WebSocket, over HTTP/1.1 (RFC 6455) and HTTP/2 (RFC 8441).

use axum::{
    Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade},
    response::Response,
    routing::any,
};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Method, Request, header::AUTHORIZATION};
use hyper::{client::conn::http2, ext::Protocol};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_axum::Caller;
use portcullis_core::RequireScopeLayer;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, client::IntoClientRequest, protocol::Role},
};

use super::{
    cases::challenges,
    client::{empty, headers},
    credentials::{Credentials, READ},
    server::Server,
    timeouts::in_time,
};

/// Echoes each message with the caller's scheme.
async fn echo(principal: Caller, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        while let Some(Ok(Message::Text(text))) = socket.recv().await {
            let answer = format!("{}: {text}", principal.scheme());
            if socket.send(Message::from(answer)).await.is_err() {
                break;
            }
        }
    })
}

async fn start(credentials: &Credentials) -> Server {
    let router = Router::new()
        .route("/socket", any(echo).layer(RequireScopeLayer::all([READ])))
        .route_layer(credentials.layer());
    Server::axum(router).await
}

#[tokio::test]
async fn websocket_opens_with_a_credential() {
    let credentials = Credentials::issue().await;
    let server = start(&credentials).await;

    let reader = headers([(AUTHORIZATION, &credentials.token)]);
    let (socket, response) = handshake(&server, reader).await.expect("a socket");
    assert_eq!(response.status(), 101);
    converse(socket).await;
}

#[tokio::test]
async fn websocket_without_a_sufficient_credential_is_refused() {
    let credentials = Credentials::issue().await;
    let server = start(&credentials).await;

    let stranger = headers([(AUTHORIZATION, &credentials.stranger_token)]);
    for (sent, status, offered) in [
        (HeaderMap::new(), 401, &["Bearer", "ApiKey"][..]),
        (stranger, 403, &["Bearer insufficient_scope orders:read"]),
    ] {
        match handshake(&server, sent).await {
            Err(tungstenite::Error::Http(response)) => {
                assert_eq!(response.status(), status);
                assert_eq!(challenges(response.headers()), offered);
            }
            other => panic!("not a refusal: {other:?}"),
        }
    }
}

#[tokio::test]
async fn websocket_over_http2_is_guarded() {
    let credentials = Credentials::issue().await;
    let server = start(&credentials).await;
    let stream = TcpStream::connect(server.address())
        .await
        .expect("a connection");
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let mut connect = async |headers: HeaderMap| {
        let mut request = Request::new(empty());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = server.url("/socket").parse().expect("a URL");
        *request.headers_mut() = headers;
        request
            .headers_mut()
            .insert("sec-websocket-version", "13".parse().expect("a value"));
        request
            .extensions_mut()
            .insert(Protocol::from_static("websocket"));
        in_time(requests.send_request(request))
            .await
            .expect("an answer")
    };

    let refused = connect(HeaderMap::new()).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(challenges(refused.headers()), ["Bearer", "ApiKey"]);

    let opened = connect(headers([(AUTHORIZATION, &credentials.token)])).await;
    assert_eq!(opened.status(), 200);
    let stream = hyper::upgrade::on(opened).await.expect("a stream");
    converse(WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Client, None).await)
        .await;
}

async fn handshake(
    server: &Server,
    credentials: HeaderMap,
) -> tungstenite::Result<(WebSocketStream<TcpStream>, http::Response<Option<Vec<u8>>>)> {
    let url = format!("ws://{}/socket", server.address());
    let mut request = url.into_client_request().expect("a handshake");
    request.headers_mut().extend(credentials);
    let stream = TcpStream::connect(server.address())
        .await
        .expect("a connection");
    in_time(client_async(request, stream)).await
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    for word in ["hello", "again"] {
        socket.send(word.into()).await.expect("an open socket");
        let answer = in_time(socket.next())
            .await
            .expect("an answer")
            .expect("a message");
        assert_eq!(answer, format!("jwt: {word}").into());
    }
}
