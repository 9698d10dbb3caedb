//! How the client authenticates, and how its secrets rotate.

use std::time::Duration;

use portcullis_client::{
    Algorithm, AuthorizationServer, ClientAuthentication, ClientKeys, ClientSecret,
    ClientSecretProvider, ClientSecrets, HttpSettings, SecretsFuture, SigningKey, TokenErrorKind,
    TokenEvent, TokenSource,
};
use portcullis_core::Clock;
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, Fault, SigningAlgorithm, TestIssuer,
};

use crate::{PATIENCE, Setting, certified, patiently, secs};

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

fn refusal(status: u16, body: &str) -> Fault {
    Fault::Answer {
        status,
        content_type: "application/json",
        body: body.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn a_401_is_about_the_credential_whatever_its_code_is() {
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
async fn several_private_keys_are_offered_in_turn_after_a_401() {
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

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up_and_keeps_nothing_from_ending() {
    struct Never;

    impl ClientSecretProvider for Never {
        fn secrets(&self) -> SecretsFuture<'_> {
            Box::pin(std::future::pending())
        }
    }
    let client = || ClientAuthentication::secret_post("billing", ClientSecrets::provider(Never));
    let setting = Setting::at(
        |server| server.http(HttpSettings::default().timeout(Duration::from_millis(300))),
        client(),
        |source| source,
    );
    let setting = setting.await;
    let error = patiently(setting.token()).await.expect_err("no secret");
    assert_eq!(error.kind(), TokenErrorKind::Credential, "{error}");

    let setting = Setting::of(client(), |source| source).await;
    let mut caller = tokio_test::task::spawn(setting.token());
    assert!(caller.poll().is_pending());
    let ended = setting.source.shut_down();
    patiently(ended).await.expect("nothing to revoke");
    let error = patiently(caller).await.expect_err("it was shut down");
    assert_eq!(error.kind(), TokenErrorKind::Stopped, "{error}");
}

#[tokio::test]
async fn a_provider_that_panics_ends_the_source_and_that_is_told() {
    struct Bang;

    impl ClientSecretProvider for Bang {
        fn secrets(&self) -> SecretsFuture<'_> {
            panic!("bang")
        }
    }
    let client = ClientAuthentication::secret_post("billing", ClientSecrets::provider(Bang));
    let mut setting = Setting::of(client, |source| source).await;
    let error = patiently(setting.token()).await.expect_err("it panicked");
    assert_eq!(error.kind(), TokenErrorKind::Stopped, "{error}");
    assert!(matches!(setting.event().await, TokenEvent::Stopped));
    let told = setting.source.status().last_error.expect("why");
    assert_eq!(told.kind(), TokenErrorKind::Stopped);
    assert!(setting.source.is_stopped());
}

#[tokio::test]
async fn an_empty_secret_is_not_sent() {
    struct Empty;

    impl ClientSecretProvider for Empty {
        fn secrets(&self) -> SecretsFuture<'_> {
            Box::pin(async { Ok(vec!["".into()]) })
        }
    }
    let setting = Setting::new().await;
    let server = AuthorizationServer::discover(setting.issuer.url());
    let server = server.build().expect("a server");
    let none: [&str; 0] = [];
    for secrets in [
        ClientSecrets::from(""),
        ClientSecrets::new(none),
        ClientSecrets::new(["", "s"]),
    ] {
        for client in [
            ClientAuthentication::secret_post("billing", secrets.clone()),
            ClientAuthentication::secret_basic("billing", secrets.clone()),
        ] {
            let error = TokenSource::builder(&server, client).build();
            assert_eq!(error.expect_err("empty").setting(), "secrets");
        }
    }
    let client = ClientAuthentication::secret_post("billing", ClientSecrets::provider(Empty));
    let source = TokenSource::builder(&server, client).build();
    let error = source.expect("a source").token().await;
    let kind = error.expect_err("it is empty").kind();
    assert_eq!(kind, TokenErrorKind::Credential);
    assert_eq!(setting.token_requests(), 0);
}

#[tokio::test]
async fn a_file_that_cannot_be_one_of_secrets_is_not_shown_to_the_server_line_by_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("another file");
    let lines: String = (0..200).map(|line| format!("line {line}\n")).collect();
    std::fs::write(&path, lines).expect("written");
    let client = ClientAuthentication::secret_post("billing", ClientSecrets::file(&path));
    let setting = Setting::of(client, |source| source).await;
    let error = setting.token().await.expect_err("no secrets");
    assert_eq!(error.kind(), TokenErrorKind::Credential, "{error}");
    assert!(!error.to_string().contains("line 1"), "{error}");
    assert_eq!(setting.token_requests(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_place_of_a_file_is_not_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("pipe");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let client = ClientAuthentication::secret_post("billing", ClientSecrets::file(&path));
    let setting = Setting::of(client, |source| source).await;
    let token = tokio::time::timeout(PATIENCE, setting.token()).await;
    // Were someone waiting for a writer after all, the runtime could not end: let go of them.
    let both = std::fs::File::options().read(true).write(true).open(&path);
    drop(both.expect("opened"));
    let error = token.expect("it waits for ever").expect_err("no secrets");
    assert_eq!(error.kind(), TokenErrorKind::Credential);
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[tokio::test]
async fn a_certificate_alone_proves_nothing_over_plain_http() {
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
