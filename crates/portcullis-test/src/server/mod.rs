//! The issuer over HTTP.

mod answer;
mod body;
mod discovery;
mod faulty;
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
    /// One task, which owns those of the connections; and whether the port can be reserved while it listens.
    Running(JoinSet<Infallible>, bool),
    /// Bound, and not listening: connections are refused, and nobody else gets the port.
    Stopped(TcpSocket),
}

impl Server {
    /// A socket on `address`. A port that the system chose is shared with sockets of this process's user, so that it
    /// can be [reserved](Self::stop) before it is let go; one that was asked for is not, so that two issuers on it are
    /// an error.
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
        if shared {
            let reserved = socket(address, true)?;
            task.shutdown().await;
            return Ok(Self::Stopped(reserved));
        }
        task.shutdown().await;
        socket(address, false).map(Self::Stopped)
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
    // On Unix: although connections of before linger in TIME_WAIT. Elsewhere it means something else.
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
                // Out of descriptors, or the peer has gone already: let others run, and go on.
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
    let bearer = state.changing().answering[request.endpoint.index()]
        .bearer
        .clone();
    if bearer.is_some_and(|token| !is_sent(request, &token)) {
        return Answer::error(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "a bearer token is needed",
        )
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
            Answer::json("application/json", &discovery::metadata(state, is_oauth))
        }
        Endpoint::Jwks => {
            let keys = key_set(&state.changing().published);
            Answer::json("application/jwk-set+json", &keys)
        }
    };
    answer.dressed(state, request)
}

fn is_sent(request: &RecordedRequest, token: &str) -> bool {
    let sent = request.headers.get(AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok());
    sent.and_then(|value| value.strip_prefix("Bearer ")) == Some(token)
}
