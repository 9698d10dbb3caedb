//! A TLS server with a private root certificate.

use std::sync::Arc;

use portcullis_test::{Endpoint, SigningAlgorithm, TestKey};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::support::{CLIENT, Scene, TOKEN, run};

macro_rules! certificate {
    ($name:literal) => {
        include_bytes!(concat!(
            "../../../portcullis-remote/tests/remote/certificates/",
            $name
        ))
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn ca_option_is_needed_for_a_private_root() {
    let scene = Scene::start().await;
    let (url, _server) = serve().await;
    let (secret, root) = (
        scene.path("secret"),
        scene.file("root.pem", certificate!("root.pem")),
    );
    let arguments = [
        &["token", "fetch", "--token-endpoint", &url][..],
        &["--client-id", CLIENT, "--client-secret-file", &secret],
    ]
    .concat();
    let ended = run(&arguments, "").await;
    ended.failed(1, &["certificate"]);

    let ended = run(&[&arguments[..], &["--ca", &root]].concat(), "").await;
    ended.printed(&format!("{TOKEN}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn key_set_with_root_and_bearer_token_is_fetched() {
    let scene = Scene::start().await;
    let (url, _server) = serve().await;
    let url = url.replace("/token", "/jwks");
    let (root, token) = (
        scene.file("root.pem", certificate!("root.pem")),
        scene.file("bearer", "t0ken"),
    );
    for (with, code) in [
        (&["--ca", &root, "--bearer-token-file", &token][..], 0),
        (&["--bearer-token-file", &token], 1),
        (&["--ca", &root], 1),
    ] {
        let arguments = [&["jwks", "check", &url], with].concat();
        let ended = run(&arguments, "").await;
        assert_eq!(ended.code, Some(code), "{with:?}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_at_another_url_with_bearer_token_is_read() {
    let scene = Scene::start().await;
    let name = "https://kubernetes.default.svc";
    let at = scene.issuer.url();
    scene.issuer.metadata("issuer", name);
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        scene.issuer.require_bearer(endpoint, "t0ken");
    }
    let bearer = scene.file("bearer", "t0ken\n");
    let token = scene.issuer.token().claim("iss", name).mint();
    let arguments = [
        &["token", "inspect", "--issuer", name, "--discover-at", &at][..],
        &["--audience", "https://orders.example.com"],
        &["--bearer-token-file", &bearer],
    ]
    .concat();
    let ended = run(&arguments, &token).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn key_options_require_an_issuer() {
    for flag in ["--ca", "--bearer-token-file"] {
        let ended = run(&["token", "inspect", flag, "file"], TOKEN).await;
        assert_eq!(ended.code, Some(2), "{flag}: {}", ended.stderr);
        assert!(ended.stderr.contains("--issuer"), "{}", ended.stderr);
    }
}

/// Serves a token endpoint that accepts every client, and a key set that requires the bearer token `t0ken`.
async fn serve() -> (String, JoinSet<()>) {
    let certificate =
        CertificateDer::from_pem_slice(certificate!("localhost.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(certificate!("localhost.key")).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a matching pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let key = TestKey::generate(SigningAlgorithm::ES256).public_jwk();
    let jwks = serde_json::json!({ "keys": [key] }).to_string();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = Vec::new();
            let is_whole = |request: &[u8]| match request.starts_with(b"GET ") {
                true => request.ends_with(b"\r\n\r\n"),
                false => request.ends_with(b"grant_type=client_credentials"),
            };
            while !is_whole(&request)
                && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0)
            {}
            let text = String::from_utf8_lossy(&request);
            let (status, body) = match (text.starts_with("GET "), text.contains("Bearer t0ken")) {
                (true, true) => ("200 OK", jwks.clone()),
                (true, false) => ("401 Unauthorized", String::new()),
                (false, _) => (
                    "200 OK",
                    format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer"}}"#),
                ),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (format!("https://localhost:{port}/token"), server)
}
