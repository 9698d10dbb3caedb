//! Clients that authenticate with a certificate (RFC 8705).

use std::sync::{Arc, Mutex};

use portcullis_oauth::{
    AuthorizationServer, ClientAuthentication, ClientCertificate, FetchErrorKind, HttpSettings,
    OAuthEndpoint,
};
use portcullis_test::{Endpoint, TestIssuer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

/// The root of `localhost.pem`.
const ROOT: &[u8] = include_bytes!("../../../portcullis-remote/tests/remote/certificates/root.pem");
const CERTIFICATE: &[u8] =
    include_bytes!("../../../portcullis-remote/tests/remote/certificates/localhost.pem");
const KEY: &[u8] =
    include_bytes!("../../../portcullis-remote/tests/remote/certificates/localhost.key");
/// The root of the clients' certificates.
const AUTHORITY: &[u8] =
    include_bytes!("../../../portcullis-remote/tests/remote/certificates/client-authority.pem");
const CLIENTS: [(&[u8], &[u8]); 2] = [
    (
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/client-1.pem"),
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/client-1.key"),
    ),
    (
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/client-2.pem"),
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/client-2.key"),
    ),
];

/// A token endpoint that requires certificates, and records them and the requests.
struct TlsEndpoint {
    url: String,
    visits: Arc<Mutex<Vec<Visit>>>,
    /// Dropping it stops the server.
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Visit {
    certificate: Vec<u8>,
    request: String,
}

impl TlsEndpoint {
    async fn start() -> Self {
        let der = |pem| CertificateDer::from_pem_slice(pem).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(der(AUTHORITY)).expect("a root");
        let clients = WebPkiClientVerifier::builder(roots.into()).build();
        let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
        let config = ServerConfig::builder()
            .with_client_cert_verifier(clients.expect("a verifier"))
            .with_single_cert(vec![der(CERTIFICATE)], key)
            .expect("a matching pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let visits = Arc::new(Mutex::new(Vec::new()));
        let noted = visits.clone();
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let (_, connection) = stream.get_ref();
                let certificates = connection.peer_certificates().unwrap_or_default();
                let certificate = certificates.first().map(|own| own.to_vec());
                let mut request = Vec::new();
                while stream
                    .read_buf(&mut request)
                    .await
                    .is_ok_and(|read| read > 0)
                    && !is_whole(&request)
                {}
                noted.lock().expect("not poisoned").push(Visit {
                    certificate: certificate.unwrap_or_default(),
                    request: String::from_utf8_lossy(&request).into_owned(),
                });
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self {
            url: format!("https://localhost:{port}/token"),
            visits,
            _server: server,
        }
    }

    fn visits(&self) -> Vec<Visit> {
        self.visits.lock().expect("not poisoned").clone()
    }
}

/// Whether head and body are complete.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok())?
    });
    body.len() >= length.unwrap_or(0)
}

fn own(pem: &[u8]) -> Vec<u8> {
    let certificate = CertificateDer::from_pem_slice(pem).expect("a certificate");
    certificate.to_vec()
}

async fn post(
    server: &AuthorizationServer,
    client: &ClientAuthentication,
) -> Result<(), FetchErrorKind> {
    let form = [("grant_type", "client_credentials")];
    let answer = server.post(OAuthEndpoint::Token, client, &form).await;
    answer.map(|_| ()).map_err(|error| error.kind())
}

fn certificate(client: usize) -> ClientCertificate {
    let (certificate, key) = CLIENTS[client];
    ClientCertificate::new(certificate, key)
}

#[tokio::test]
async fn certificate_authenticates_without_a_secret() {
    let endpoint = TlsEndpoint::start().await;
    let server = AuthorizationServer::token_endpoint(&endpoint.url)
        .http(HttpSettings::default().root_certificates(ROOT));
    let server = server.build().expect("a server");
    for client in [
        ClientAuthentication::tls_client_auth("billing", certificate(0)),
        ClientAuthentication::self_signed_tls_client_auth("billing", certificate(0)),
    ] {
        post(&server, &client).await.expect("an answer");
        let visit = endpoint.visits().pop().expect("a visit");
        assert_eq!(visit.certificate, own(CLIENTS[0].0));
        let (head, body) = visit.request.split_once("\r\n\r\n").expect("a request");
        assert!(
            !head.to_ascii_lowercase().contains("authorization"),
            "{head}"
        );
        assert_eq!(body, "grant_type=client_credentials&client_id=billing");
    }
    let without = ClientAuthentication::secret_basic("billing", "s");
    let error = post(&server, &without).await;
    assert_eq!(
        error,
        Err(FetchErrorKind::Unreachable),
        "the server requires a certificate"
    );
}

#[tokio::test]
async fn replaced_certificate_files_are_used_for_the_next_request() {
    let endpoint = TlsEndpoint::start().await;
    let server = AuthorizationServer::token_endpoint(&endpoint.url)
        .http(HttpSettings::default().root_certificates(ROOT));
    let server = server.build().expect("a server");
    let directory = tempfile::tempdir().expect("a directory");
    let (pem, key) = (directory.path().join("pem"), directory.path().join("key"));
    let files = ClientCertificate::files(&pem, &key);
    let client = ClientAuthentication::tls_client_auth("billing", files);
    for (certificate, private) in [CLIENTS[0], CLIENTS[1], CLIENTS[0]] {
        std::fs::write(&pem, certificate).expect("written");
        std::fs::write(&key, private).expect("written");
        post(&server, &client).await.expect("an answer");
        let visit = endpoint.visits().pop().expect("a visit");
        assert_eq!(visit.certificate, own(certificate));
    }
    std::fs::write(&key, CLIENTS[1].1).expect("written");
    let error = post(&server, &client).await;
    assert_eq!(
        error,
        Err(FetchErrorKind::Credential),
        "the key does not match"
    );
}

#[tokio::test]
async fn unusable_certificate_is_no_failure_of_the_endpoint() {
    let issuer = TestIssuer::start().await;
    let server = AuthorizationServer::discover(issuer.url()).build();
    let server = server.expect("a server");
    let mismatch = ClientCertificate::new(CLIENTS[0].0, CLIENTS[1].1);
    let client = ClientAuthentication::secret_basic("billing", "s").certificate(mismatch);
    for _ in 0..4 {
        assert_eq!(
            post(&server, &client).await,
            Err(FetchErrorKind::Credential)
        );
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), 1);
    assert_eq!(issuer.requests(Endpoint::Token), 0);
}

#[tokio::test]
async fn alias_on_another_origin_receives_only_certificates() {
    let (issuer, endpoint) = (TestIssuer::start().await, TlsEndpoint::start().await);
    issuer.metadata(
        "mtls_endpoint_aliases",
        serde_json::json!({ "token_endpoint": endpoint.url }),
    );
    let discover = || {
        AuthorizationServer::discover(issuer.url())
            .http(HttpSettings::default().root_certificates(ROOT))
    };
    let server = discover().build().expect("a server");

    let alone = ClientAuthentication::tls_client_auth("billing", certificate(0));
    post(&server, &alone).await.expect("an answer");
    assert_eq!(endpoint.visits().len(), 1);

    let beside = ClientAuthentication::secret_basic("billing", "s");
    let beside = beside.certificate(certificate(1));
    assert_eq!(post(&server, &beside).await, Err(FetchErrorKind::Forbidden));
    assert_eq!(endpoint.visits().len(), 1, "no secret was sent there");

    let origin = endpoint.url.trim_end_matches("/token");
    let listed = discover().allow_origin(origin).build().expect("a server");
    post(&listed, &beside).await.expect("an answer");
    let visit = endpoint.visits().pop().expect("a visit");
    assert_eq!(visit.certificate, own(CLIENTS[1].0));
    assert!(
        visit
            .request
            .to_ascii_lowercase()
            .contains("authorization: basic")
    );

    // A client without a certificate uses the regular endpoint.
    let without = ClientAuthentication::secret_basic("billing", "s");
    post(&server, &without).await.expect("an answer");
    assert_eq!(issuer.requests(Endpoint::Token), 1);
}

#[tokio::test]
async fn token_is_not_sent_to_an_unlisted_alias() {
    let (issuer, endpoint) = (TestIssuer::start().await, TlsEndpoint::start().await);
    let discover = || {
        AuthorizationServer::discover(issuer.url())
            .http(HttpSettings::default().root_certificates(ROOT))
    };
    let client = ClientAuthentication::tls_client_auth("billing", certificate(0));
    let places = serde_json::json!({
        "token_endpoint": endpoint.url,
        "revocation_endpoint": endpoint.url,
    });
    let forms = [
        (OAuthEndpoint::Token, "subject_token"),
        (OAuthEndpoint::Token, "actor_token"),
        (OAuthEndpoint::Revocation, "token"),
    ];
    for has_alias in [true, false] {
        if has_alias {
            issuer.metadata("mtls_endpoint_aliases", places.clone());
        } else {
            issuer.without_metadata("mtls_endpoint_aliases");
            issuer.metadata("token_endpoint", endpoint.url.clone());
            issuer.metadata("revocation_endpoint", endpoint.url.clone());
        }
        let before = endpoint.visits().len();
        let server = discover().build().expect("a server");
        for (place, name) in forms {
            let answer = server.post(place, &client, &[(name, "t")]).await;
            let error = answer.expect_err("an unlisted origin");
            assert_eq!(error.kind(), FetchErrorKind::Forbidden, "{name}");
            assert!(error.to_string().contains("allow_origin"), "{error}");
        }
        assert_eq!(endpoint.visits().len(), before);
        post(&server, &client)
            .await
            .expect("a request without a token");
        assert_eq!(endpoint.visits().len(), before + 1);

        let origin = endpoint.url.trim_end_matches("/token");
        let listed = discover().allow_origin(origin).build().expect("a server");
        for (place, name) in forms {
            let answer = listed.post(place, &client, &[(name, "t")]).await;
            answer.expect("an answer");
            let visit = endpoint.visits().pop().expect("a visit");
            assert!(visit.request.contains(&format!("{name}=t&client_id=")));
        }
    }
}
