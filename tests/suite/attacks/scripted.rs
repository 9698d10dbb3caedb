//! An issuer's server whose responses are scripted byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The script of a connection.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// Sends these bytes and closes the connection.
    Answer(Vec<u8>),
    /// Sends these bytes and keeps the connection open.
    Unfinished(Vec<u8>),
    /// Never reads the request.
    Silence,
    /// Sends one byte at a time, but never the last.
    Drip(Vec<u8>),
}

impl Script {
    /// A valid response with this body.
    pub(super) fn good(body: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        Self::Answer([head.as_bytes(), body].concat())
    }
}

/// The server. Dropping it stops it.
pub(super) struct Scripted {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    _task: JoinSet<()>,
}

impl Scripted {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let script = Arc::new(Mutex::new(script));
        let mut task = JoinSet::new();
        task.spawn(serve(listener, script.clone()));
        Self {
            address,
            script,
            _task: task,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }

    /// Uses another script for all later connections.
    pub(super) fn play(&self, script: Script) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let script = script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        connections.spawn(async move {
            // The client may close the connection early.
            let _ = play(stream, script).await;
        });
    }
}

async fn play(mut stream: TcpStream, script: Script) -> std::io::Result<()> {
    if matches!(script, Script::Silence) {
        return std::future::pending().await;
    }
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    match script {
        Script::Answer(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Script::Unfinished(bytes) => {
            stream.write_all(&bytes).await?;
            std::future::pending().await
        }
        Script::Drip(bytes) => {
            let mut beat = tokio::time::interval(Duration::from_millis(100));
            let (_, all_but_last) = bytes.split_last().expect("some bytes");
            for byte in all_but_last {
                beat.tick().await;
                stream.write_all(&[*byte]).await?;
            }
            std::future::pending().await
        }
        Script::Silence => Ok(()),
    }
}
