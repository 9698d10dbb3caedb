//! An HTTP/1.1 client that costs little: one connection, one request at a time.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::instances::Key;

/// A kept connection to an instance.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// The status of a request for orders with this key.
    pub(crate) async fn orders(&mut self, key: &str) -> io::Result<u16> {
        self.get("/orders", key).await.map(|(status, _)| status)
    }

    /// Fails if one of the keys is refused.
    pub(crate) async fn require_accepted(&mut self, keys: &[Key]) -> io::Result<()> {
        for key in keys {
            let status = self.orders(&key.text).await?;
            if status != 200 {
                return Err(io::Error::other(format!("a valid key got {status}")));
            }
        }
        Ok(())
    }

    /// The status of a request for orders with this key, and how long the answer took.
    pub(crate) async fn timed_orders(&mut self, key: &str) -> io::Result<(u16, Duration)> {
        let start = Instant::now();
        let status = self.orders(key).await?;
        Ok((status, start.elapsed()))
    }

    pub(crate) async fn get(&mut self, path: &str, key: &str) -> io::Result<(u16, Vec<u8>)> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: orders\r\nx-api-key: {key}\r\n\r\n");
        self.exchange(&request).await
    }

    /// Revokes a key.
    pub(crate) async fn revoke(&mut self, operator: &str, id: &str) -> io::Result<()> {
        let request = format!(
            "POST /admin/keys/{id}/revoke HTTP/1.1\r\nhost: orders\r\nx-api-key: {operator}\r\n\
             content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        let (status, _) = self.exchange(&request).await?;
        let failed = || io::Error::other(format!("a revocation got {status}"));
        (status == 200).then_some(()).ok_or_else(failed)
    }

    /// The `api_keys` of `/healthz`.
    pub(crate) async fn health(&mut self) -> io::Result<Value> {
        let (_, body) = self.get("/healthz", "").await?;
        let health: Value = serde_json::from_slice(&body)?;
        Ok(health["api_keys"].clone())
    }

    async fn exchange(&mut self, request: &str) -> io::Result<(u16, Vec<u8>)> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, body)) = parse(&self.buffer) {
                return Ok((status, body.to_vec()));
            }
        }
    }
}

/// The status and the body of a complete answer.
fn parse(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(Some(0), |length| length.parse().ok())?;
    let body = &answer[end + 4..];
    (body.len() >= length).then_some((status, body))
}
