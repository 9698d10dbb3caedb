//! How the client authenticates, and how its secrets rotate.

use portcullis_client::{
    AuthorizationServer, ClientAuthentication, ClientSecret, ClientSecrets, TokenErrorKind,
    TokenEvent, TokenSource,
};
use portcullis_core::Clock;
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, Fault, TestIssuer};

use crate::{Setting, secs};

#[tokio::test]
async fn basic_and_post_both_obtain_a_token() {
    // What Base64 alone, or a form alone, would get wrong.
    let (id, secret) = ("billing: worker+1", "p%ss w/ö&=rd:+");
    for client in [
        ClientAuthentication::secret_basic(id, secret),
        ClientAuthentication::secret_post(id, secret),
    ] {
        let issuer = TestIssuer::builder()
            .client(id, secret, ["orders:read", "orders:write"])
            .audience("https://orders.example.com")
            .audience("https://stock.example.com")
            .start()
            .await
            .expect("an issuer");
        let server = AuthorizationServer::discover(issuer.url())
            .build()
            .expect("a server");
        let source = TokenSource::builder(&server, client.clone())
            .scopes(["orders:read"])
            .resource("https://stock.example.com")
            .build()
            .expect("a source");
        let token = source.token().await.expect("a token");
        assert_eq!(token.scopes().to_string(), "orders:read");
        let request = issuer.recorded().pop().expect("a request");
        assert_eq!(request.endpoint, Endpoint::Token);
        let body = String::from_utf8(request.body.to_vec()).expect("text");
        assert!(
            body.contains("resource=https%3A%2F%2Fstock.example.com"),
            "{body}"
        );
        let is_basic = client.method() == "client_secret_basic";
        assert_eq!(request.headers.contains_key("authorization"), is_basic);
        assert_eq!(body.contains("client_secret="), !is_basic);
    }
}

#[tokio::test]
async fn a_secret_in_a_file_rotates_without_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("secret");
    std::fs::write(&path, "wrong\n").expect("written");
    let secrets = ClientSecrets::file(&path);
    let client = ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, secrets);
    let setting = Setting::of(client, |source| source).await;
    let error = setting.token().await.expect_err("the secret is wrong");
    assert_eq!(error.kind(), TokenErrorKind::Refused);
    assert_eq!(
        &*error.oauth_error().expect("an error").code,
        "invalid_client"
    );

    std::fs::write(&path, DEFAULT_CLIENT_SECRET).expect("written");
    setting.clock.advance(secs(2));
    setting.token().await.expect("a token");

    std::fs::remove_file(&path).expect("removed");
    let error = setting.source.refresh().await.expect_err("there is none");
    assert_eq!(error.kind(), TokenErrorKind::Credential, "{error}");
    assert!(setting.source.current().is_some(), "the one at hand serves");
}

#[tokio::test]
async fn two_secrets_are_offered_in_turn_and_the_good_one_is_remembered() {
    let secrets = ClientSecrets::new(["not yet known", DEFAULT_CLIENT_SECRET]);
    let client = ClientAuthentication::secret_post(DEFAULT_CLIENT_ID, secrets);
    let setting = Setting::of(client, |source| source).await;
    setting.token().await.expect("a token");
    assert_eq!(setting.token_requests(), 2);
    setting.source.refresh().await.expect("a token");
    assert_eq!(setting.token_requests(), 3);
}

#[tokio::test]
async fn a_server_that_refuses_without_a_word_is_offered_the_next_secret() {
    for status in [401, 403] {
        let secrets = ClientSecrets::new(["not yet known", DEFAULT_CLIENT_SECRET]);
        let client = ClientAuthentication::secret_post(DEFAULT_CLIENT_ID, secrets);
        let setting = Setting::of(client, |source| source).await;
        let refusal = Fault::Answer {
            status,
            content_type: "text/plain",
            body: Vec::new(),
        };
        setting
            .issuer
            .fault_for(Endpoint::Token, refusal.clone(), 1);
        setting.token().await.expect("a token");
        setting.issuer.fault(Endpoint::Token, refusal);
        let error = setting.source.refresh().await.expect_err("refused");
        assert_eq!(error.kind(), TokenErrorKind::Status(status));
    }
}

#[tokio::test]
async fn the_end_of_a_secret_is_seen_coming() {
    let soon = portcullis_core::SystemClock
        .now()
        .saturating_add(secs(3600));
    let secret = ClientSecret::new(DEFAULT_CLIENT_SECRET).with_expires_at(soon);
    let client = ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, secret);
    let mut setting = Setting::of(client, |source| source).await;
    setting.token().await.expect("a token");
    assert_eq!(setting.source.status().credential_expires_at, Some(soon));
    setting.event().await;
    match setting.event().await {
        TokenEvent::CredentialExpires { at, .. } => assert_eq!(at, soon),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_told_when_the_source_is_built() {
    let server = AuthorizationServer::token_endpoint("https://id.example.com/token");
    let server = server.build().expect("a server");
    let builder = || TokenSource::builder(&server, crate::client());
    assert_eq!(
        builder()
            .scopes(["a b"])
            .build()
            .expect_err("two")
            .setting(),
        "scopes"
    );
    assert_eq!(
        builder()
            .resource("orders")
            .build()
            .expect_err("no URI")
            .setting(),
        "resource"
    );
    let nobody = ClientAuthentication::secret_basic("", "s");
    let error = TokenSource::builder(&server, nobody).build();
    assert_eq!(error.expect_err("nobody").setting(), "client_id");
}

#[test]
fn a_source_needs_a_runtime() {
    let server = AuthorizationServer::token_endpoint("https://id.example.com/token");
    let server = server.build().expect("a server");
    let error = TokenSource::builder(&server, crate::client()).build();
    assert_eq!(error.expect_err("no runtime").setting(), "build");
}
