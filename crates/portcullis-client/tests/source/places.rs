//! Where credentials are sent: the endpoints that were configured, or that metadata may name.

use portcullis_client::{AuthorizationServer, TokenErrorKind, TokenSource};
use portcullis_test::{Endpoint, TestIssuer};

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
async fn a_configured_token_endpoint_needs_no_metadata() {
    let issuer = TestIssuer::start().await;
    fetch(AuthorizationServer::token_endpoint(issuer.token_endpoint()))
        .await
        .expect("a token");
    assert_eq!(issuer.requests(Endpoint::Discovery), 0);
}

#[tokio::test]
async fn a_discovered_endpoint_on_another_origin_gets_no_secret_unless_it_is_listed() {
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
async fn metadata_of_another_issuer_or_without_an_endpoint_is_not_used() {
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
fn what_cannot_be_used_is_told_when_the_server_is_built() {
    let setting = |builder: portcullis_client::AuthorizationServerBuilder| {
        builder.build().expect_err("it cannot be used").setting()
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
        setting(discover().revocation_endpoint(url)),
        "revocation_endpoint"
    );
    assert_eq!(
        setting(discover().allow_origin("https://a.example/path")),
        "allow_origin"
    );
    assert_eq!(
        setting(discover().root_certificates("x")),
        "root_certificates"
    );
    assert_eq!(
        setting(discover().timeout(std::time::Duration::ZERO)),
        "timeout"
    );
    discover()
        .allow_origin("https://a.example:8443")
        .build()
        .expect("a server");
}
