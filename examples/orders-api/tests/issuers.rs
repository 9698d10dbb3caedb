//! An issuer that is reached like Kubernetes: at another URL, with a private CA and a bearer token.

use std::{fs, sync::Arc, time::Duration};

use clap::Parser;
use orders_api::{Args, router};
use portcullis_test::{SigningAlgorithm, TestKey};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

macro_rules! certificate {
    ($name:literal) => {
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../crates/portcullis-remote/tests/remote/certificates/",
            $name
        )
    };
}

const NAME: &str = "https://kubernetes.default.svc.cluster.local";

/// Only a failing test reaches this.
const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn issuer_with_ca_bearer_token_and_metadata_url_is_reached() {
    let (url, _server) = serve().await;
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    fs::write(&token, "t0ken\n").expect("written");
    let token = token.to_str().expect("UTF-8");
    let root = certificate!("root.pem");
    let arguments = ["orders-api", "--issuer", NAME, "--discover-at", &url];
    let access = ["--ca", root, "--bearer-token-file", token];
    let args = Args::parse_from([&arguments[..], &access].concat());
    let started = timeout(TIMEOUT, router(&args)).await;
    assert!(started.expect("the keys are fetched").is_ok());
}

#[tokio::test]
async fn issuer_given_twice_is_an_error() {
    let twice = ["orders-api", "--issuer", NAME, "--issuer", NAME];
    let error = router(&Args::parse_from(twice)).await.expect_err("twice");
    let said = format!("--issuer {NAME} is given twice");
    assert!(error.to_string().starts_with(&said), "{error}");
}

#[test]
fn demonstration_option_beside_configured_callers_is_an_error() {
    for callers in [["--issuer", NAME], ["--api-keys", "keys.toml"]] {
        let arguments = ["orders-api", "--demo-issuer-listen", "127.0.0.1:0"];
        let error = Args::try_parse_from([&arguments[..], &callers].concat());
        let error = error.expect_err("both").to_string();
        assert!(error.contains("cannot be used with"), "{error}");
    }
}

#[tokio::test]
async fn bearer_token_file_needs_exactly_one_issuer() {
    let args = Args::parse_from([
        "orders-api",
        "--issuer",
        "https://a.example",
        "--issuer",
        "https://b.example",
        "--bearer-token-file",
        "token",
    ]);
    let error = router(&args).await.map(|_| ()).expect_err("two issuers");
    assert!(
        (error.to_string())
            .starts_with("--bearer-token-file needs exactly one --issuer, but 2 were"),
        "{error}"
    );
}

/// Serves metadata and keys that require the bearer token `t0ken`.
async fn serve() -> (String, JoinSet<()>) {
    let read = |path: &str| fs::read(path).expect("a file of this repository");
    let certificate = CertificateDer::from_pem_slice(&read(certificate!("localhost.pem")));
    let key = PrivateKeyDer::from_pem_slice(&read(certificate!("localhost.key")));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.expect("a certificate")],
            key.expect("a key"),
        )
        .expect("a matching pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let url = format!("https://localhost:{port}");
    let metadata = json!({ "issuer": NAME, "jwks_uri": format!("{url}/jwks") }).to_string();
    let key = TestKey::generate(SigningAlgorithm::ES256).public_jwk();
    let jwks = json!({ "keys": [key] }).to_string();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n")
                && stream.read_buf(&mut head).await.is_ok_and(|read| read > 0)
            {}
            let head = String::from_utf8_lossy(&head);
            let (status, body) = match (head.contains("Bearer t0ken"), head.contains(" /jwks ")) {
                (false, _) => ("401 Unauthorized", ""),
                (true, true) => ("200 OK", jwks.as_str()),
                (true, false) => ("200 OK", metadata.as_str()),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (url, server)
}
