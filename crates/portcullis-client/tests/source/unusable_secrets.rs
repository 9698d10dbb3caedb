//! Secrets that cannot be loaded or sent.

use std::time::Duration;

use portcullis_client::{
    AuthorizationServer, ClientAuthentication, ClientSecret, ClientSecrets, CredentialProvider,
    HttpSettings, ProviderFuture, TokenErrorKind, TokenEvent, TokenSource,
};

use crate::{Setting, TIMEOUT, in_time};

#[tokio::test]
async fn hanging_secret_provider_times_out_and_does_not_block_shut_down() {
    struct Never;

    impl CredentialProvider<ClientSecret> for Never {
        fn credentials(&self) -> ProviderFuture<'_, ClientSecret> {
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
    let error = in_time(setting.token()).await.expect_err("no secret");
    assert_eq!(error.kind(), TokenErrorKind::Credential, "{error}");

    let setting = Setting::of(client(), |source| source).await;
    let mut caller = tokio_test::task::spawn(setting.token());
    assert!(caller.poll().is_pending());
    let ended = setting.source.shut_down();
    in_time(ended).await.expect("nothing to revoke");
    let error = in_time(caller)
        .await
        .expect_err("a source that was shut down");
    assert_eq!(error.kind(), TokenErrorKind::Stopped, "{error}");
}

#[tokio::test]
async fn panicking_secret_provider_stops_the_source() {
    struct Bang;

    impl CredentialProvider<ClientSecret> for Bang {
        fn credentials(&self) -> ProviderFuture<'_, ClientSecret> {
            panic!("bang")
        }
    }
    let client = ClientAuthentication::secret_post("billing", ClientSecrets::provider(Bang));
    let mut setting = Setting::of(client, |source| source).await;
    let error = in_time(setting.token())
        .await
        .expect_err("a panic of the provider");
    assert_eq!(error.kind(), TokenErrorKind::Stopped, "{error}");
    assert!(matches!(setting.event().await, TokenEvent::TaskEnded));
    let last_error = setting.source.status().last_error.expect("why");
    assert_eq!(last_error.kind(), TokenErrorKind::Stopped);
    assert!(setting.source.is_stopped());
}

#[tokio::test]
async fn empty_secret_is_not_sent() {
    struct Empty;

    impl CredentialProvider<ClientSecret> for Empty {
        fn credentials(&self) -> ProviderFuture<'_, ClientSecret> {
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
    let kind = error.expect_err("an empty secret").kind();
    assert_eq!(kind, TokenErrorKind::Credential);
    assert_eq!(setting.token_requests(), 0);
}

#[tokio::test]
async fn file_with_too_many_lines_is_not_sent() {
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
async fn pipe_instead_of_a_secret_file_does_not_block() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("pipe");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let client = ClientAuthentication::secret_post("billing", ClientSecrets::file(&path));
    let setting = Setting::of(client, |source| source).await;
    let token = tokio::time::timeout(TIMEOUT, setting.token()).await;
    // If a thread did wait for a writer, the runtime could not shut down: unblock it.
    let both = std::fs::File::options().read(true).write(true).open(&path);
    drop(both.expect("opened"));
    let error = token
        .expect("an error before the timeout")
        .expect_err("no secrets");
    assert_eq!(error.kind(), TokenErrorKind::Credential);
    assert!(error.to_string().contains("not a regular file"), "{error}");
}
