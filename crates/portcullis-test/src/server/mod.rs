//! The issuer over HTTP.

mod answer;
mod faulty;
mod good;
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

use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::{RecordedRequest, state::State};
use answer::{Body, complete};
use good::good_answer;

const BACKLOG: u32 = 1024;

/// The largest accepted request body, in bytes.
const MAX_REQUEST_BODY: usize = 64 * 1024;

/// The issuer's socket; dropping it ends the tasks that serve it.
pub(crate) struct Server {
    /// Bound but not listening, while the issuer is stopped: connections are refused, and the port stays reserved.
    reserved: Option<TcpSocket>,
    /// Owns the tasks of the connections.
    task: Option<JoinSet<Infallible>>,
}

impl Server {
    /// Reserves an address. A given port is not shared, so that two issuers on it are an error.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let socket = socket(address, address.port() == 0)?;
        let address = socket.local_addr()?;
        let server = Self {
            reserved: Some(socket),
            task: None,
        };
        Ok((server, address))
    }

    /// Listens on the reserved address. On a listening server it does nothing.
    pub(crate) fn listen(&mut self, state: Arc<State>) -> io::Result<()> {
        if let Some(socket) = self.reserved.take() {
            let listener = socket.listen(BACKLOG)?;
            let task = self.task.insert(JoinSet::new());
            task.spawn(accept(listener, state));
        }
        Ok(())
    }

    /// Closes all connections, and reserves the address. On a stopped server it does nothing.
    pub(crate) async fn stop(&mut self, address: SocketAddr) -> io::Result<()> {
        if let Some(mut task) = self.task.take() {
            // If this socket can share the port, the port is never free.
            let early = socket(address, true);
            task.shutdown().await;
            self.reserved = Some(early.or_else(|_| socket(address, true))?);
        }
        Ok(())
    }
}

fn socket(address: SocketAddr, is_shared: bool) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Unix this allows a port with connections in TIME_WAIT. It means something else on Windows.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    #[cfg(target_os = "linux")]
    socket.set_reuseport(is_shared)?;
    #[cfg(not(target_os = "linux"))]
    let _ = is_shared;
    socket.bind(address)?;
    Ok(socket)
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
            return Err(closed());
        }
        respond(&state, request).await
    });
    // Errors are callers that left, and faults.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn closed() -> io::Error {
    io::Error::other("closed without an answer")
}

async fn respond(state: &State, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let endpoint = state.settings.endpoint(head.uri.path());
    let body = Limited::new(body, MAX_REQUEST_BODY).collect().await;
    let mut request = RecordedRequest {
        endpoint,
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body: body.map_err(|_| closed())?.to_bytes(),
    };
    if let Some(credentials) = request.headers.get_mut(AUTHORIZATION) {
        credentials.set_sensitive(true);
    }
    let record = |recorded: &mut Vec<_>| recorded.push(request.clone());
    state.recorded.send_modify(record);
    let fault = state.variable().endpoint(endpoint).next_fault();
    match fault {
        None => Ok(complete(good_answer(state, &request))),
        Some(fault) => faulty::respond(state, &request, fault).await,
    }
}
