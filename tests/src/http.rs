//! HTTP/1.1 over a plain socket, so that the caller controls every byte of the request.

use std::fmt;
use std::net::SocketAddr;
use std::str;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any tested response may take.
const TIMEOUT: Duration = Duration::from_secs(20);

const MAX_HEADERS: usize = 64;

/// Sends bytes over a new connection and reads one response.
///
/// # Panics
///
/// If the connection fails or the response is not HTTP/1.1.
pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Response {
    let mut connection = Connection::open(address).await;
    connection.send(request).await;
    connection.response().await
}

/// Requests a path with these header lines, which have no line ends.
///
/// # Panics
///
/// Like [`exchange`].
pub async fn get(address: SocketAddr, path: &str, headers: &[&str]) -> Response {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    exchange(address, request).await
}

/// A connection for one or more requests.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<ReadHalf<TcpStream>>,
    writer: WriteHalf<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    ///
    /// If nothing listens there.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = in_time(TcpStream::connect(address))
            .await
            .expect("the server accepts connections");
        stream.set_nodelay(true).expect("a TCP socket");
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader: BufReader::new(reader),
            writer,
        }
    }

    /// Sends bytes unchanged. It is not an error if the server closes the connection early: its response counts.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if in_time(self.writer.write_all(bytes.as_ref())).await.is_ok() {
            _ = in_time(self.writer.flush()).await;
        }
    }

    /// Closes this side of the connection. The server can still answer.
    ///
    /// # Panics
    ///
    /// If the connection has failed.
    pub async fn finish_sending(&mut self) {
        in_time(self.writer.shutdown())
            .await
            .expect("an open connection");
    }

    /// Reads the next response.
    ///
    /// # Panics
    ///
    /// If the connection ends first or the response is not HTTP/1.1.
    pub async fn response(&mut self) -> Response {
        let mut response = self.head().await;
        response.body = if matches!(response.status, 100..=199 | 204 | 304) {
            Vec::new()
        } else if response
            .header("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            self.chunks().await
        } else if let Some(length) = response.header("content-length") {
            self.exactly(length.parse().expect("a length")).await
        } else {
            self.rest().await
        };
        response
    }

    /// All bytes until the server closes the connection.
    ///
    /// # Panics
    ///
    /// If the connection fails.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        in_time(self.reader.read_to_end(&mut bytes))
            .await
            .expect("an orderly end of the connection");
        bytes
    }

    async fn head(&mut self) -> Response {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                in_time(self.reader.read_u8())
                    .await
                    .expect("the head of a response"),
            );
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let state = parsed.parse(&head).expect("an HTTP/1.1 response");
        assert!(state.is_complete(), "a complete head");
        let text = |header: &httparse::Header<'_>| {
            let value = str::from_utf8(header.value)
                .expect("a header value in ASCII")
                .to_owned();
            (header.name.to_ascii_lowercase(), value)
        };
        Response {
            status: parsed.code.expect("a status"),
            headers: parsed.headers.iter().map(text).collect(),
            body: Vec::new(),
        }
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = self.line().await;
            let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
            if size == 0 {
                while !self.line().await.is_empty() {}
                return body;
            }
            body.extend(self.exactly(size).await);
            self.line().await;
        }
    }

    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(in_time(self.reader.read_u8()).await.expect("a line"));
        }
        line.truncate(line.len() - 2);
        String::from_utf8(line).expect("a line in ASCII")
    }

    async fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        in_time(self.reader.read_exact(&mut bytes))
            .await
            .expect("a complete body");
        bytes
    }
}

/// A response.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order of the response.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of a name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every header of a name in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If the body is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.text())
    }
}

async fn in_time<F: Future>(future: F) -> F::Output {
    timeout(TIMEOUT, future).await.expect("a response in time")
}
