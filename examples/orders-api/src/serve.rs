//! Serving with time limits, which `axum::serve` lacks: a slow, silent or idle client would keep it waiting.
//!
//! One limit is missing: hyper has no timeout for writing. A client that sends requests over HTTP/1 and never reads the
//! answers keeps its connection until the service stops. Put a proxy with such a timeout in front where that matters.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo, http::StatusCode, serve::Listener};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
    time::timeout,
};
use tower::ServiceBuilder;
use tower_http::timeout::TimeoutLayer;

type Server = Builder<TokioExecutor>;

/// Time limits of clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the head of a request, and then for its body and the answer.
    pub(crate) request: Duration,
    /// For all requests in progress when the service is stopped.
    pub(crate) shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            shutdown: Duration::from_secs(5),
        }
    }
}

/// Answers requests until `stop` completes, and the requests in progress then, within the limit.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    // A handler reads the body, so this also limits how long the client may take to send it.
    let body = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limits.request);
    let router = router.layer(body);
    let server = server(limits.request);
    let graceful = GracefulShutdown::new();
    // Dropping it closes the connections.
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            // axum's `accept` waits a second when no descriptor is free, and retries.
            accepted = Listener::accept(&mut listener) => accepted,
        };
        let (server, router, watcher) = (server.clone(), router.clone(), graceful.watcher());
        connections.spawn(connection(
            server,
            stream,
            peer,
            router,
            limits.request,
            watcher,
        ));
    }
    // New clients are refused.
    drop(listener);
    tracing::info!(
        connections = connections.len(),
        limit = ?limits.shutdown,
        "shutting down: waiting for the requests in progress"
    );
    if timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            limit = ?limits.shutdown,
            "the time for the shutdown is over: closing the open connections with their requests; raise --shutdown-timeout if requests need longer"
        );
    }
    connections.shutdown().await;
}

fn server(head: Duration) -> Server {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        // Answer a client that closes its side after the request.
        .half_close(true);
    server
        .http2()
        .timer(TokioTimer::new())
        // A client in the middle of a head cannot answer a ping.
        .keep_alive_interval(head)
        .keep_alive_timeout(head);
    server
}

/// Serves one connection.
async fn connection(
    server: Server,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    head: Duration,
    watcher: Watcher,
) {
    let first = Arc::new(Notify::new());
    let begun = Arc::clone(&first);
    let service = ServiceBuilder::new()
        .map_request(move |request| {
            begun.notify_one();
            request
        })
        // As `into_make_service_with_connect_info` does.
        .layer(Extension(ConnectInfo(peer)))
        .service(router);
    let connection =
        server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    // The builder detects HTTP/2 by the first bytes, and waits for them without a limit.
    let silent = async {
        if timeout(head, first.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        served = watcher.watch(connection) => {
            if let Err(error) = served {
                tracing::debug!(%peer, error, "the connection ended early, usually because the client closed it");
            }
        }
        () = silent => tracing::debug!(%peer, "closed the connection, because no request came in time"),
    }
}
