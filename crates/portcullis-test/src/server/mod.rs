//! The issuer over HTTP.

mod answer;
mod body;
mod discovery;
mod faulty;
pub(crate) mod paths;
mod token_endpoint;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::{Endpoint, RecordedRequest, published::key_set, state::State};
use answer::Answer;
use body::Body;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The largest request body that is read.
const MAX_REQUEST_BODY: usize = 64 * 1024;

/// The issuer's socket; dropping it ends everything that runs on it.
pub(crate) enum Server {
    /// One task, which owns those of the connections.
    Running(JoinSet<Infallible>),
    /// Bound, and not listening: connections are refused, and nobody else gets the port.
    Stopped(TcpSocket),
}

impl Server {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // On Unix: although connections of before linger in TIME_WAIT. Elsewhere it means something else.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    }

    pub(crate) fn start(socket: TcpSocket, state: Arc<State>) -> io::Result<Self> {
        let listener = socket.listen(BACKLOG)?;
        let mut task = JoinSet::new();
        task.spawn(accept(listener, state));
        Ok(Self::Running(task))
    }

    pub(crate) async fn stop(self, address: SocketAddr) -> io::Result<Self> {
        let Self::Running(mut task) = self else {
            return Ok(self);
        };
        task.shutdown().await;
        Self::bind(address).map(Self::Stopped)
    }

    pub(crate) fn restart(self, state: Arc<State>) -> io::Result<Self> {
        match self {
            Self::Running(_) => Ok(self),
            Self::Stopped(socket) => Self::start(socket, state),
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
                // Out of descriptors, or the peer has gone already: let others run, and go on.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(|request| respond(&state, request));
    // An error is a caller that left, or a fault that was asked for.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct Closed;

async fn respond(state: &State, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
    let (head, body) = request.into_parts();
    let endpoint = paths::endpoint(&state.settings, head.uri.path());
    let body = Limited::new(body, MAX_REQUEST_BODY).collect().await;
    let body = body.map_err(|_| Closed)?.to_bytes();
    let request = RecordedRequest {
        endpoint,
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body,
    };
    state.record.add(request.clone());
    let fault = state.changing().faults.meet(endpoint);
    match fault {
        None => Ok(good_answer(state, &request).into_response()),
        Some(fault) => faulty::respond(state, &request, fault).await,
    }
}

/// What the endpoint answers when nothing is wrong with it.
fn good_answer(state: &State, request: &RecordedRequest) -> Answer {
    let answer = match request.endpoint {
        Endpoint::Token if request.method != Method::POST => Answer::only("POST"),
        Endpoint::Token => token_endpoint::answer(state, request),
        Endpoint::Other => Answer::not_found(),
        _ if request.method != Method::GET => Answer::only("GET"),
        Endpoint::Discovery => Answer::json("application/json", &discovery::metadata(state)),
        Endpoint::Jwks => {
            let keys = key_set(&state.changing().published);
            Answer::json("application/jwk-set+json", &keys)
        }
    };
    answer.dressed(state, request)
}
