//! The program, run as a process.

use std::{
    fs, io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use portcullis::{
    ScopeSet,
    api_key::{ApiKey, KeyFile, NewKey},
};
use portcullis_test::TestIssuer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::timeout,
};

/// Only a failing test reaches this.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running service.
struct Service {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Service {
    async fn start(args: &[&str], set: impl FnOnce(&mut Command)) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = free.local_addr().expect("bound").to_string();
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_orders-api"));
        command
            .args(["--listen", &address])
            .args(args)
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        set(&mut command);
        Self {
            child: command.spawn().expect("it starts"),
            address,
            folder,
        }
    }

    /// A service with the key file `keys.toml` in its folder.
    async fn with_api_keys(set: impl FnOnce(&mut Command)) -> (Self, TempDir, ApiKey) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.toml");
        let key = NewKey::new("a").scopes(ScopeSet::parse("orders:write"));
        let key = KeyFile::at(&path).create(key).expect("a key");
        let path = path.to_str().expect("UTF-8");
        let service = Self::start(&["--api-keys", path], set).await;
        (service, folder, key.key().clone())
    }

    /// Polls `/healthz` until the answer meets the condition.
    async fn health(&mut self, is_met: impl Fn(u16, &Value) -> bool) -> Value {
        let polled = timeout(TIMEOUT, async {
            loop {
                assert_eq!(self.child.try_wait().expect("a child"), None, "it ended");
                if let Ok((status, body)) = get(&self.address).await
                    && is_met(status, &body)
                {
                    return body;
                }
            }
        });
        polled.await.expect("the condition in time")
    }
}

async fn get(address: &str) -> io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok((
        status.unwrap_or_default(),
        serde_json::from_str(body).unwrap_or_default(),
    ))
}

#[tokio::test]
async fn service_runs_when_stdout_and_stderr_are_closed() {
    let closed = || {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let demo = ["--demo-issuer-listen", "127.0.0.1:0"];
    let mut service = Service::start(&demo, |command| {
        command
            .env("RUST_LOG", "trace")
            .stdout(closed())
            .stderr(closed());
    })
    .await;
    service.health(|status, _| status == 200).await;
    assert!(service.folder.path().exists());
}

#[tokio::test]
async fn error_at_start_does_not_panic_when_stderr_is_closed() {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let args = ["--api-keys", "/nowhere/keys.toml"];
    let mut service = Service::start(&args, |command| {
        command.stderr(writer);
    })
    .await;
    let status: ExitStatus = timeout(TIMEOUT, service.child.wait())
        .await
        .expect("it ends")
        .expect("a status");
    assert_eq!(status.code(), Some(1), "a panic is 101");
}

#[tokio::test]
async fn healthz_shows_the_kind_of_an_error_and_since_when() {
    let (mut service, folder, _) = Service::with_api_keys(|_| {}).await;
    let good = service.health(|status, _| status == 200).await;
    assert_eq!(good["api_keys"]["last_error"], Value::Null);
    assert_eq!(good["api_keys"]["failing_since"], Value::Null);
    fs::remove_file(folder.path().join("keys.toml")).expect("removed");
    let failing = service
        .health(|status, body| status == 200 && !body["api_keys"]["last_error"].is_null())
        .await;
    let api_keys = &failing["api_keys"];
    assert_eq!(api_keys["last_error"], "missing");
    let since = api_keys["failing_since"].as_u64().expect("seconds");
    let until = api_keys["accepted_until"].as_u64().expect("seconds");
    assert!(since > 1_700_000_000);
    // The file was last read up to one check before.
    assert!((since + 890..=since + 900).contains(&until), "{api_keys}");
    assert!(!failing.to_string().contains("keys.toml"), "{failing}");
}

#[tokio::test]
async fn healthz_shows_the_kind_of_an_issuers_error() {
    // No server listens on port 1.
    let mut service = Service::start(&["--issuer", "http://127.0.0.1:1"], |_| {}).await;
    let health = service
        .health(|status, body| status == 503 && !body["issuers"][0]["last_error"].is_null())
        .await;
    assert_eq!(health["status"], "not ready");
    assert_eq!(health["issuers"][0]["last_error"], "Unreachable");
    assert!(health["issuers"][0]["failures"].as_u64() >= Some(1));
}

#[tokio::test]
async fn wrong_issuer_does_not_end_the_service_of_another() {
    let (good, wrong) = (TestIssuer::start().await, TestIssuer::start().await);
    wrong.metadata("issuer", format!("{}/", wrong.url()));
    wrong.stop().await;
    let args = ["--issuer", &good.url(), "--issuer", &wrong.url()];
    let mut service = Service::start(&args, |_| {}).await;
    let known = |error: &'static str| {
        move |_, body: &Value| {
            body["issuers"][0]["ready"] == true && body["issuers"][1]["last_error"] == error
        }
    };
    service.health(known("Unreachable")).await;
    wrong.restart().await;
    service.health(known("IssuerMismatch")).await;
    // It would have ended by now.
    let ended = timeout(Duration::from_millis(500), service.child.wait()).await;
    assert!(ended.is_err(), "{ended:?}");
    service.health(known("IssuerMismatch")).await;
}

#[tokio::test]
async fn sigterm_is_logged_before_the_wait_for_requests() {
    let (mut service, _folder, key) = Service::with_api_keys(|command| {
        command.stderr(Stdio::piped());
    })
    .await;
    service.health(|status, _| status == 200).await;
    // A request whose body is not complete keeps the service waiting.
    let mut client = TcpStream::connect(&service.address)
        .await
        .expect("connected");
    let request = format!(
        "POST /orders HTTP/1.1\r\nhost: localhost\r\nx-api-key: {}\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n",
        key.expose()
    );
    client.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    let begun = timeout(TIMEOUT, client.read_exact(&mut answer)).await;
    begun.expect("in time").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 100");
    let id = service.child.id().expect("it runs").cast_signed();
    let process = Pid::from_raw(id).expect("not 0");
    kill_process(process, Signal::TERM).expect("it runs");
    let mut log = String::new();
    let mut stderr = service.child.stderr.take().expect("a pipe");
    let read = timeout(TIMEOUT, async {
        while !log.contains("shutting down: waiting for the requests in progress") {
            let mut part = [0; 1024];
            let length = stderr.read(&mut part).await.expect("readable");
            assert_ne!(length, 0, "{log}");
            log.push_str(&String::from_utf8_lossy(&part[..length]));
        }
    });
    read.await.expect("a log line");
    assert_eq!(service.child.try_wait().expect("a child"), None, "it waits");
}
