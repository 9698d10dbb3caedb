//! `orders-api` as a server: its start and end, and slow or silent clients.

use std::time::Duration;

use portcullis_api_key::{KeyFile, NewKey};
use portcullis_core::ScopeSet;
use portcullis_test::{Endpoint, Fault, TestIssuer};
use portcullis_tests::{Connection, Service, get};
use tempfile::TempDir;
use tokio::time::timeout;

const HTTP2_PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HALF_A_HEAD: &str = "GET /livez HTTP/1.1\r\nhost: orders\r\n";

/// A key file with one key, which has all scopes of the tests.
struct Keys {
    file: String,
    header: String,
    _folder: TempDir,
}

impl Keys {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("keys.toml");
        let key = NewKey::new("billing").scopes(ScopeSet::parse("orders:read orders:write"));
        let key = KeyFile::at(&path).create(key).expect("a key");
        Self {
            file: path.to_str().expect("a path in UTF-8").to_owned(),
            header: format!("x-api-key: {}", key.key().expose()),
            _folder: folder,
        }
    }

    /// The start of a request to create an order, with an incomplete body.
    fn half_a_body(&self) -> String {
        let header = &self.header;
        format!(
            "POST /orders HTTP/1.1\r\nhost: orders\r\ncontent-length: 12\r\n{header}\r\n\r\n{{\"it"
        )
    }
}

#[tokio::test]
async fn service_listens_before_the_issuer_is_reachable() {
    let (issuer, keys) = (TestIssuer::start().await, Keys::new());
    let url = issuer.url();
    for fault in [None, Some(Fault::Hang)] {
        match &fault {
            None => issuer.stop().await,
            Some(fault) => issuer.fault(Endpoint::Discovery, fault.clone()),
        }
        let arguments = ["--issuer", &url, "--api-keys", &keys.file];
        // Shorter than the timeout of a fetch.
        let starting = Service::spawn_listening("orders-api", &arguments);
        let mut service = timeout(Duration::from_secs(4), starting)
            .await
            .expect("a start that does not wait for the issuer");
        let address = service.address();
        assert_eq!(get(address, "/livez", &[]).await.status, 200);
        assert_eq!(get(address, "/healthz", &[]).await.status, 503);
        assert_eq!(get(address, "/orders", &[&keys.header]).await.status, 200);
        let token = issuer.token().scope("orders:read").mint();
        let answer = service.get_with_token("/orders", &token).await;
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());

        match fault {
            None => issuer.restart().await,
            Some(_) => issuer.heal(Endpoint::Discovery),
        }
        assert_eq!(service.next_line().await.as_deref(), Some("ready"));
        assert_eq!(get(address, "/healthz", &[]).await.status, 200);
        let answer = service.get_with_token("/orders", &token).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn wrong_issuer_ends_the_service_with_the_reason() {
    let issuer = TestIssuer::start().await;
    // Its metadata names the URL without the slash.
    let wrong = format!("{}/", issuer.url());
    let mut service = Service::spawn_listening("orders-api", &["--issuer", &wrong]).await;
    let status = service.ends_within(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(1));
    let log = service.log();
    assert!(
        log.contains("error: ") && log.contains(&issuer.url()),
        "{log}"
    );
}

#[tokio::test]
async fn wrong_issuer_does_not_end_a_service_with_api_keys() {
    let (issuer, keys) = (TestIssuer::start().await, Keys::new());
    let wrong = format!("{}/", issuer.url());
    let arguments = ["--issuer", &wrong, "--api-keys", &keys.file];
    let service = Service::spawn_listening("orders-api", &arguments).await;
    let address = service.address();
    let is_known = async || {
        let health = get(address, "/healthz", &[]).await;
        health.status == 503 && !health.json()["issuers"][0]["last_error"].is_null()
    };
    let known = async { while !is_known().await {} };
    timeout(Duration::from_secs(10), known)
        .await
        .expect("an error about the wrong issuer");
    assert_eq!(get(address, "/orders", &[&keys.header]).await.status, 200);
    assert!(service.log().contains("ERROR"), "{}", service.log());
}

#[tokio::test]
async fn unfinished_requests_time_out() {
    let keys = Keys::new();
    let arguments = ["--api-keys", &keys.file, "--request-timeout", "0.5"];
    let service = Service::spawn("orders-api", &arguments).await;
    for begun in [
        "",
        "P",
        "GET",
        HALF_A_HEAD,
        HTTP2_PREFACE,
        &HTTP2_PREFACE[..20],
    ] {
        let mut connection = Connection::open(service.address()).await;
        connection.send(begun).await;
        // Ends when the service closes the connection.
        let answer = connection.rest().await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{begun:?}");
    }

    let mut connection = Connection::open(service.address()).await;
    connection
        .send(format!("{HALF_A_HEAD}\r\n{HALF_A_HEAD}"))
        .await;
    assert_eq!(connection.response().await.status, 200);
    assert_eq!(
        connection.rest().await,
        b"",
        "the second head is incomplete"
    );

    let mut connection = Connection::open(service.address()).await;
    connection.send(keys.half_a_body()).await;
    assert_eq!(connection.response().await.status, 408);
    assert_eq!(connection.rest().await, b"");
}

#[tokio::test]
async fn half_closed_connection_gets_its_response() {
    let issuer = TestIssuer::start().await;
    let service = Service::spawn("orders-api", &["--issuer", &issuer.url()]).await;
    // The service fetches the unknown key, so the response takes a second.
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    let token = issuer.token().kid("unknown").mint();
    let mut connection = Connection::open(service.address()).await;
    connection
        .send(format!(
            "GET /orders HTTP/1.1\r\nhost: orders\r\nauthorization: Bearer {token}\r\n\r\n"
        ))
        .await;
    connection.finish_sending().await;
    assert_eq!(connection.response().await.status, 503);
}

#[tokio::test]
async fn sigterm_ends_the_service_within_10_s_with_unfinished_requests() {
    let keys = Keys::new();
    let mut service = Service::spawn("orders-api", &["--api-keys", &keys.file]).await;
    let mut connections = Vec::new();
    let served_then_idle = format!("{HALF_A_HEAD}\r\n");
    for begun in [
        "",
        "P",
        HALF_A_HEAD,
        HTTP2_PREFACE,
        &keys.half_a_body(),
        &served_then_idle,
    ] {
        let mut connection = Connection::open(service.address()).await;
        connection.send(begun).await;
        connections.push(connection);
    }
    let last = connections.last_mut().expect("an open connection");
    assert_eq!(last.response().await.status, 200);
    service.terminate();
    let status = service.ends_within(Duration::from_secs(10)).await;
    assert!(status.success(), "{}", service.log());
}

#[tokio::test]
async fn sigterm_ends_the_service_while_the_issuer_hangs_at_the_start() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Discovery, Fault::Hang);
    let arguments = ["--issuer", &issuer.url()];
    let mut service = Service::spawn_listening("orders-api", &arguments).await;
    service.terminate();
    assert!(service.ends_within(Duration::from_secs(10)).await.success());
}
