//! The endpoints that credentials are sent to, configured or discovered.

use portcullis_client::{AuthorizationServer, HttpSettings, TokenErrorKind, TokenSource};
use portcullis_test::{Endpoint, Fault, TestIssuer};

use crate::client;

async fn fetch(
    server: portcullis_client::AuthorizationServerBuilder,
) -> Result<(), TokenErrorKind> {
    let server = server.build().expect("a server");
    let source = TokenSource::builder(&server, client()).build();
    let token = source.expect("a source").token().await;
    token.map(|_| ()).map_err(|error| error.kind())
}

#[tokio::test]
async fn configured_token_endpoint_needs_no_metadata() {
    let issuer = TestIssuer::start().await;
    fetch(AuthorizationServer::token_endpoint(issuer.token_endpoint()))
        .await
        .expect("a token");
    assert_eq!(issuer.requests(Endpoint::Discovery), 0);
}

#[tokio::test]
async fn discovered_endpoint_on_an_unlisted_origin_receives_no_secret() {
    let (issuer, other) = (TestIssuer::start().await, TestIssuer::start().await);
    issuer.metadata("token_endpoint", other.token_endpoint());
    let discover = || AuthorizationServer::discover(issuer.url());
    assert_eq!(fetch(discover()).await, Err(TokenErrorKind::Forbidden));
    assert_eq!(other.requests(Endpoint::Token), 0);

    let origin = other.url();
    assert_eq!(fetch(discover().allow_origin(origin)).await, Ok(()));
    assert_eq!(other.requests(Endpoint::Token), 1);
}

#[tokio::test]
async fn metadata_of_another_issuer_or_without_an_endpoint_is_rejected() {
    let issuer = TestIssuer::start().await;
    issuer.without_metadata("token_endpoint");
    let discover = || AuthorizationServer::discover(issuer.url());
    assert_eq!(fetch(discover()).await, Err(TokenErrorKind::Unusable));
    for endpoint in [
        "ftp://127.0.0.1/token",
        "http://issuer.example/token",
        "/token",
        "http://u:p@127.0.0.1/token",
    ] {
        issuer.metadata("token_endpoint", endpoint);
        assert_eq!(
            fetch(discover()).await,
            Err(TokenErrorKind::Forbidden),
            "{endpoint}"
        );
    }
    issuer.metadata("token_endpoint", issuer.token_endpoint());
    issuer.metadata("issuer", "https://someone.else.example");
    assert_eq!(fetch(discover()).await, Err(TokenErrorKind::Unusable));
    assert_eq!(issuer.requests(Endpoint::Token), 0);
}

#[test]
fn invalid_server_settings_are_config_errors() {
    let setting = |builder: portcullis_client::AuthorizationServerBuilder| {
        builder.build().expect_err("an unusable server").setting()
    };
    let discover = || AuthorizationServer::discover("https://id.example.com");
    let at = AuthorizationServer::token_endpoint;
    assert_eq!(
        setting(AuthorizationServer::discover("http://id.example.com")),
        "issuer"
    );
    assert_eq!(setting(at("http://id.example.com/token")), "token_endpoint");
    assert_eq!(setting(at("/token")), "token_endpoint");
    let url = "https://id.example.com/token";
    assert_eq!(
        setting(at(url).revocation_endpoint("x")),
        "revocation_endpoint"
    );
    assert_eq!(
        setting(at(url).allow_origin("https://a.example")),
        "allow_origin"
    );
    assert_eq!(
        setting(discover().revocation_endpoint("x")),
        "revocation_endpoint"
    );
    assert_eq!(setting(discover().token_endpoint("x")), "token_endpoint");
    assert_eq!(setting(discover().discover_at("x")), "discover_at");
    assert_eq!(
        setting(at(url).discover_at("https://a.example")),
        "discover_at"
    );
    assert_eq!(setting(discover().issuer("https://a.example")), "issuer");
    for name in ["https://u@a.example", "https://a.example?code=1", ""] {
        assert_eq!(setting(at(url).issuer(name)), "issuer", "{name}");
    }
    assert_eq!(
        setting(discover().allow_origin("https://a.example/path")),
        "allow_origin"
    );
    assert_eq!(
        setting(discover().http(HttpSettings::default().root_certificates("x"))),
        "root_certificates"
    );
    assert_eq!(
        setting(discover().http(HttpSettings::default().timeout(std::time::Duration::ZERO))),
        "timeout"
    );
    discover()
        .discover_at("https://10.0.0.1/.well-known/openid-configuration?p=1")
        .token_endpoint(url)
        .revocation_endpoint(url)
        .allow_origin("https://a.example:8443")
        .build()
        .expect("a server");
}

#[tokio::test]
async fn error_omits_the_query_of_a_configured_endpoint() {
    let issuer = TestIssuer::start().await;
    let url = format!("{}?code=s3cr3t", issuer.token_endpoint());
    let server = AuthorizationServer::token_endpoint(url);
    let server = server.build().expect("a server");
    for fault in [
        Fault::Html,
        Fault::Down,
        Fault::Status(500),
        Fault::Huge { bytes: 1 << 20 },
        Fault::Redirect("http://127.0.0.1:1/token".into()),
    ] {
        issuer.fault(Endpoint::Token, fault);
        let source = TokenSource::builder(&server, client()).build();
        let source = source.expect("a source");
        let error = source.token().await.expect_err("a fault");
        let status = source.status();
        let text = format!("{error} {error:?} {server:?} {source:?} {status:?}");
        assert!(!text.contains("s3cr3t"), "{text}");
        assert!(text.contains(&issuer.token_endpoint()), "{text}");
    }
    let request = issuer.recorded().pop().expect("a request");
    assert_eq!(request.uri.query(), Some("code=s3cr3t"));
}

#[tokio::test]
async fn moved_token_endpoint_is_discovered_again() {
    for status in [404, 405, 410] {
        let (issuer, other) = (TestIssuer::start().await, TestIssuer::start().await);
        let server = AuthorizationServer::discover(issuer.url()).allow_origin(other.url());
        let server = server.build().expect("a server");
        let source = TokenSource::builder(&server, client()).build();
        let source = source.expect("a source");
        source.token().await.expect("a token");

        issuer.metadata("token_endpoint", other.token_endpoint());
        let gone = Fault::Answer {
            status,
            content_type: "text/html",
            body: Vec::new(),
        };
        issuer.fault(Endpoint::Token, gone);
        for _ in 0..2 {
            let error = source.refresh().await.expect_err("a moved endpoint");
            assert_eq!(error.kind(), TokenErrorKind::Status(status));
        }
        source.refresh().await.expect("the new endpoint");
        assert_eq!(other.requests(Endpoint::Token), 1);
        assert_eq!(issuer.requests(Endpoint::Discovery), 2);
    }
}
