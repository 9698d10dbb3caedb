//! A server behind TLS whose root the system does not know.

use std::sync::Arc;

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
async fn a_root_is_trusted_where_it_is_given() {
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

/// A token endpoint that issues everyone the same token, and what keeps it alive.
async fn serve() -> (String, JoinSet<()>) {
    let certificate =
        CertificateDer::from_pem_slice(certificate!("localhost.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(certificate!("localhost.key")).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they go together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = Vec::new();
            while !request.ends_with(b"grant_type=client_credentials")
                && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0)
            {}
            let body = format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer"}}"#);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (format!("https://localhost:{port}/token"), server)
}
