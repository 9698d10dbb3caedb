//! The issuer over HTTP.

mod answer;
mod body;
mod faulty;
mod metadata;
pub(crate) mod paths;
mod token_endpoint;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{
    Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::{Endpoint, RecordedRequest, state::State};
use answer::Answer;
use body::Body;

/// The number of connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The largest accepted request body, in bytes.
const MAX_REQUEST_BODY: usize = 64 * 1024;

/// The issuer's socket; dropping it ends the tasks that serve it.
pub(crate) enum Server {
    /// A task that owns the tasks of the connections; and whether another socket can share the port.
    Running(JoinSet<Infallible>, bool),
    /// Bound but not listening: connections are refused, and the port stays reserved.
    Stopped(TcpSocket),
}

impl Server {
    /// Binds a socket. A port that the system chooses is shared, so that [`stop`](Self::stop) can reserve it before it closes
    /// this socket; a given port is not, so that two issuers on it are an error.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
        socket(address, address.port() == 0)
    }

    pub(crate) fn start(socket: TcpSocket, state: Arc<State>) -> io::Result<Self> {
        let shared = is_shared(&socket);
        let listener = socket.listen(BACKLOG)?;
        let mut task = JoinSet::new();
        task.spawn(accept(listener, state));
        Ok(Self::Running(task, shared))
    }

    pub(crate) async fn stop(self, address: SocketAddr) -> io::Result<Self> {
        let Self::Running(mut task, shared) = self else {
            return Ok(self);
        };
        let reserved = shared.then(|| socket(address, true)).transpose()?;
        task.shutdown().await;
        let reserved = reserved.map_or_else(|| socket(address, false), Ok)?;
        Ok(Self::Stopped(reserved))
    }

    pub(crate) fn restart(self, state: Arc<State>) -> io::Result<Self> {
        match self {
            Self::Running(..) => Ok(self),
            Self::Stopped(socket) => Self::start(socket, state),
        }
    }
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Unix this allows a port with connections in TIME_WAIT. It means something else on Windows.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    #[cfg(target_os = "linux")]
    socket.set_reuseport(shared)?;
    #[cfg(not(target_os = "linux"))]
    let _ = shared;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn is_shared(socket: &TcpSocket) -> bool {
    socket.reuseport().unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
fn is_shared(_: &TcpSocket) -> bool {
    false
}

async fn accept(listener: TcpListener, state: Arc<State>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
                // Out of descriptors, or the peer is gone already.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    let used = AtomicBool::new(false);
    let service = service_fn(async |request| {
        if used.swap(true, Ordering::Relaxed) && state.settings.connections_die {
            return Err(Closed);
        }
        respond(&state, request).await
    });
    // Errors are callers that left, and faults.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Closes the connection without an answer.
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
    let fault = state.variable().endpoints[endpoint.index()].next_fault();
    match fault {
        None => Ok(good_answer(state, &request).into_response()),
        Some(fault) => faulty::respond(state, &request, fault).await,
    }
}

/// The answer of an endpoint without a fault.
fn good_answer(state: &State, request: &RecordedRequest) -> Answer {
    let index = request.endpoint.index();
    let bearer = state.variable().endpoints[index].bearer.clone();
    let sent = request.headers.get(AUTHORIZATION);
    if bearer.is_some_and(|token| sent.is_none_or(|sent| *sent != format!("Bearer {token}"))) {
        let status = StatusCode::UNAUTHORIZED;
        return Answer::error(status, "invalid_token", "a bearer token is required")
            .with(WWW_AUTHENTICATE, "Bearer");
    }
    let answer = match request.endpoint {
        Endpoint::Token | Endpoint::Revocation if request.method != Method::POST => {
            Answer::only("POST")
        }
        Endpoint::Token => token_endpoint::answer(state, request),
        Endpoint::Revocation => token_endpoint::revoke(state, request),
        Endpoint::Other => Answer::not_found(),
        _ if request.method != Method::GET => Answer::only("GET"),
        Endpoint::Discovery => {
            let is_oauth = request.uri.path().starts_with(paths::OAUTH);
            Answer::json(&metadata::metadata(state, is_oauth))
        }
        Endpoint::Jwks => {
            let keys = json!({ "keys": state.variable().published });
            Answer::new(StatusCode::OK, "application/jwk-set+json", keys.to_string())
        }
    };
    answer.configured(state, request)
}
