//! Issuers with trusted and untrusted certificates.

use std::{error::Error as _, sync::Arc};

use portcullis_remote::{FetchErrorKind, HttpSettings, Issuer, IssuerBuilder};
use portcullis_test::{SigningAlgorithm, TestKey};
use serde_json::{Value, json};
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

use crate::support::{millis, short_backoff, start};

/// The root of `localhost.pem`. Both are for tests only, and valid from 2020 to 2120.
const ROOT: &[u8] = include_bytes!("certificates/root.pem");
const CERTIFICATE: &[u8] = include_bytes!("certificates/localhost.pem");
const KEY: &[u8] = include_bytes!("certificates/localhost.key");

/// An issuer that serves one key at `/jwks`, and `metadata` of its URL everywhere else.
struct HttpsIssuer {
    url: String,
    /// Dropping it stops the server.
    _server: JoinSet<()>,
}

impl HttpsIssuer {
    async fn start(metadata: impl Fn(&str) -> Value) -> Self {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a matching pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!(
            "https://localhost:{}",
            listener.local_addr().expect("bound").port()
        );
        let metadata = metadata(&url).to_string();
        let jwks =
            json!({"keys": [TestKey::generate(SigningAlgorithm::ES256).public_jwk()]}).to_string();
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n")
                    && stream.read_buf(&mut head).await.is_ok_and(|read| read > 0)
                {}
                let body = if head.starts_with(b"GET /jwks ") {
                    &jwks
                } else {
                    &metadata
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        };
        let mut server = JoinSet::new();
        server.spawn(serve);
        Self {
            url,
            _server: server,
        }
    }

    fn discover(&self) -> IssuerBuilder {
        Issuer::discover(&self.url)
            .start_timeout(millis(1))
            .refresh_rules(short_backoff())
    }
}

fn good(url: &str) -> Value {
    json!({"issuer": url, "jwks_uri": format!("{url}/jwks")})
}

#[tokio::test]
async fn configured_root_certificate_is_trusted() {
    let issuer = HttpsIssuer::start(good).await;
    let keys = start(
        issuer
            .discover()
            .http(HttpSettings::default().root_certificates(ROOT)),
    )
    .await;
    keys.refresh().await.unwrap();
    assert_eq!(keys.status().keys.len(), 1);
}

#[tokio::test]
async fn unknown_root_certificate_is_refused() {
    let issuer = HttpsIssuer::start(good).await;
    let keys = start(issuer.discover()).await;
    let error = keys.refresh().await.expect_err("not trusted");
    assert_eq!(error.kind(), FetchErrorKind::Unreachable);
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn https_issuer_is_never_asked_over_http() {
    let issuer =
        HttpsIssuer::start(|url| json!({"issuer": url, "jwks_uri": "http://localhost:1/jwks"}))
            .await;
    let keys = start(
        issuer
            .discover()
            .http(HttpSettings::default().root_certificates(ROOT)),
    )
    .await;
    assert_eq!(
        keys.refresh().await.expect_err("less safe").kind(),
        FetchErrorKind::Forbidden
    );

    // A configured URL on loopback may be http.
    let plain = portcullis_test::TestIssuer::start().await;
    let keys = start(Issuer::jwks(&issuer.url, plain.jwks_uri()).fail_fast()).await;
    assert!(keys.is_ready());
}
