//! A server on a free port that stops with its test.

use std::{error::Error, net::SocketAddr, pin::pin};

use axum::Router;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::{Body, Bytes, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};
use tower::{Service, ServiceExt, util::MapRequestLayer};

use super::{request_counter::RequestCounter, timeouts::in_time};

/// Resolves when a server must finish its requests and stop.
pub(super) type Stopped = BoxFuture<'static, ()>;

/// A running server. Dropping it aborts it.
pub(super) struct Server {
    address: SocketAddr,
    counter: RequestCounter,
    stop: Option<oneshot::Sender<()>>,
    task: JoinSet<()>,
}

impl Server {
    /// Runs `serve` on a listener of its own.
    pub(super) async fn start<F>(serve: impl FnOnce(TcpListener, Stopped) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let (stop, stopped) = oneshot::channel();
        let stopped = Box::pin(async {
            // A dropped sender stops the server too.
            let _ = stopped.await;
        });
        let mut task = JoinSet::new();
        task.spawn(serve(listener, stopped));
        Self {
            address,
            counter: RequestCounter::default(),
            stop: Some(stop),
            task,
        }
    }

    /// Runs an axum router with `axum::serve`.
    pub(super) async fn axum(router: Router) -> Self {
        let counter = RequestCounter::default();
        let mark = counter.clone();
        let marked = router.layer(MapRequestLayer::new(
            move |request: axum::extract::Request| mark.mark(request),
        ));
        let mut server = Self::start(|listener, stopped| async {
            axum::serve(listener, marked)
                .with_graceful_shutdown(stopped)
                .await
                .expect("axum serves");
        })
        .await;
        server.counter = counter;
        server
    }

    /// Runs a tower service on hyper's connections, without any framework.
    pub(super) async fn hyper<S, R>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<R>> + Clone + Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        S::Future: Send + 'static,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let counter = RequestCounter::default();
        let mark = counter.clone();
        let marked = service.map_request(move |request| mark.mark(request));
        let mut server = Self::start(|listener, stopped| accept(listener, stopped, marked)).await;
        server.counter = counter;
        server
    }

    /// The number of requests that an axum or hyper server still holds.
    pub(super) fn requests_alive(&self) -> usize {
        self.counter.count()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Tells the server to accept no more requests and to finish the current ones.
    pub(super) fn begin_shutdown(&mut self) {
        self.stop.take();
    }

    /// Waits until the server has ended.
    pub(super) async fn ended(mut self) {
        while let Some(ended) = in_time(self.task.join_next()).await {
            ended.expect("no panic in the server");
        }
    }
}

async fn accept<S, R>(listener: TcpListener, stopped: Stopped, service: S)
where
    S: Service<Request<Incoming>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stopped);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection").0,
            () = &mut stopped => break,
        };
        let connection = auto::Builder::new(TokioExecutor::new())
            .serve_connection_with_upgrades(
                TokioIo::new(stream),
                TowerToHyperService::new(service.clone()),
            )
            .into_owned();
        connections.spawn(graceful.watch(connection));
    }
    drop(listener);
    graceful.shutdown().await;
}
