//! How the client authenticates, and how its secrets rotate.

use portcullis_client::{
    Algorithm, AuthorizationServer, ClientAuthentication, ClientKeys, ClientSecret, ClientSecrets,
    SigningKey, TokenErrorKind, TokenEvent, TokenSource,
};
use portcullis_core::clock::Clock;
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, Fault, SigningAlgorithm, TestIssuer,
};

use crate::{Setting, certified, secs};

#[tokio::test]
async fn basic_and_post_authentication_obtain_a_token() {
    // Characters that Base64 or form encoding alone would corrupt.
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
async fn secret_in_a_file_rotates_without_a_restart() {
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
    let error = setting.source.refresh().await.expect_err("no secret file");
    assert_eq!(error.kind(), TokenErrorKind::Credential, "{error}");
    assert!(
        setting.source.current().is_some(),
        "the current token remains in use"
    );
}

#[tokio::test]
async fn accepted_secret_is_remembered() {
    let secrets = ClientSecrets::new(["not yet known", DEFAULT_CLIENT_SECRET]);
    let client = ClientAuthentication::secret_post(DEFAULT_CLIENT_ID, secrets);
    let setting = Setting::of(client, |source| source).await;
    setting.token().await.expect("a token");
    assert_eq!(setting.token_requests(), 2);
    setting.source.refresh().await.expect("a token");
    assert_eq!(setting.token_requests(), 3);
}

fn refusal(status: u16, body: &str) -> Fault {
    Fault::Answer {
        status,
        content_type: "application/json",
        body: body.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn any_401_rejects_the_credential() {
    for body in [
        "",
        "<html>",
        r#"{"error":""}"#,
        r#"{"error":"invalid_client"}"#,
        r#"{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}"#,
        r#"{"error":"access_denied","error_description":"Unauthorized"}"#,
        r#"{"error":"unauthorized","error_description":"Bad credentials"}"#,
        r#"{"errorCode":"invalid_client","errorSummary":"Invalid value for 'client_id' parameter."}"#,
    ] {
        let secrets = ClientSecrets::new(["not yet known", DEFAULT_CLIENT_SECRET]);
        let client = ClientAuthentication::secret_post(DEFAULT_CLIENT_ID, secrets);
        let setting = Setting::of(client, |source| source).await;
        let fault = refusal(401, body);
        setting.issuer.fault_for(Endpoint::Token, fault.clone(), 1);
        setting.token().await.expect(body);
        assert_eq!(setting.token_requests(), 2, "{body}");

        setting.issuer.fault(Endpoint::Token, fault);
        let error = setting.source.refresh().await.expect_err(body);
        assert!(error.rejects_client(), "{body}");
        let text = error.to_string();
        assert!(text.contains("secret, key or certificate"), "{text}");
        assert!(!text.contains("allow this client"), "{text}");
        assert_eq!(setting.token_requests(), 4, "{body}");
    }
}

#[tokio::test]
async fn invalid_client_with_status_200_rejects_the_credential() {
    let secrets = ClientSecrets::new(["not yet known", DEFAULT_CLIENT_SECRET]);
    let client = ClientAuthentication::secret_post(DEFAULT_CLIENT_ID, secrets);
    let setting = Setting::of(client, |source| source).await;
    let fault = refusal(200, r#"{"error":"invalid_client"}"#);
    setting.issuer.fault_for(Endpoint::Token, fault, 1);
    setting.token().await.expect("the second secret is right");
    assert_eq!(setting.token_requests(), 2);
}

#[tokio::test]
async fn next_secret_is_sent_only_after_a_credential_error() {
    for (status, body) in [
        (403, ""),
        (403, "<html>blocked</html>"),
        (403, r#"{"error":"access_denied"}"#),
        (400, r#"{"error":"unauthorized_client"}"#),
        (400, r#"{"error":"invalid_scope"}"#),
        (429, ""),
        (503, ""),
    ] {
        let secrets = ClientSecrets::new([DEFAULT_CLIENT_SECRET, "another"]);
        let client = ClientAuthentication::secret_post(DEFAULT_CLIENT_ID, secrets);
        let setting = Setting::of(client, |source| source).await;
        setting.issuer.fault(Endpoint::Token, refusal(status, body));
        let error = setting.token().await.expect_err(body);
        assert!(!error.rejects_client(), "{status} {body}");
        assert_eq!(setting.token_requests(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn next_private_key_is_used_only_after_a_401() {
    let key = || {
        let key = portcullis_test::TestKey::generate(SigningAlgorithm::ES256);
        SigningKey::from_pem(key.private_pem().as_bytes(), Algorithm::ES256).expect("a key")
    };
    let keys = ClientKeys::new([key(), key()]);
    let client = ClientAuthentication::private_key_jwt(DEFAULT_CLIENT_ID, keys);
    let setting = Setting::of(client, |source| source).await;
    for (status, body, requests) in [
        (401, r#"{"error":"unauthorized_client"}"#, 2),
        (401, r#"{"error":"access_denied"}"#, 2),
        (403, "", 1),
    ] {
        let before = setting.token_requests();
        setting.issuer.fault(Endpoint::Token, refusal(status, body));
        setting.source.refresh().await.expect_err(body);
        assert_eq!(
            setting.token_requests() - before,
            requests,
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn expiry_of_a_secret_is_reported() {
    let soon = portcullis_core::clock::SystemClock
        .now()
        .saturating_add(secs(3600));
    let secret = ClientSecret::new(DEFAULT_CLIENT_SECRET).expires_at(soon);
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
async fn invalid_source_settings_are_config_errors() {
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
    let unnamed = ClientAuthentication::secret_basic("", "s");
    let error = TokenSource::builder(&server, unnamed).build();
    assert_eq!(error.expect_err("no listener").setting(), "client_id");
}

#[test]
fn source_outside_a_runtime_is_an_error() {
    let server = AuthorizationServer::token_endpoint("https://id.example.com/token");
    let server = server.build().expect("a server");
    let error = TokenSource::builder(&server, crate::client()).build();
    assert_eq!(
        error.expect_err("no runtime").setting(),
        "TokenSourceBuilder::build"
    );
}

#[tokio::test]
async fn certificate_alone_over_plain_http_is_forbidden() {
    let issuer = TestIssuer::start().await;
    for server in [
        AuthorizationServer::token_endpoint(issuer.token_endpoint()),
        AuthorizationServer::discover(issuer.url()),
    ] {
        let server = server.build().expect("a server");
        let source = TokenSource::builder(&server, certified()).build();
        let error = source.expect("a source").token().await;
        let error = error.expect_err("plain http");
        assert_eq!(error.kind(), TokenErrorKind::Forbidden);
        assert!(error.to_string().contains("https"), "{error}");
    }
    assert_eq!(issuer.requests(Endpoint::Token), 0);
}
