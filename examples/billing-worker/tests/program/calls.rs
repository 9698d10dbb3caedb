//! Calls to an external service, and their failures.

use std::{fs, time::Duration};

use portcullis::{
    Scope, ScopeSet,
    api_key::{KeyFile, NewKey},
    clock::{Clock, SystemClock},
};
use portcullis_test::{DEFAULT_CLIENT_SECRET, Endpoint, Fault, TestIssuer};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::{net::TcpListener, time::timeout};

use crate::worker::{TIMEOUT, Worker, options, orders_api};

#[tokio::test]
async fn rejection_by_the_issuer_ends_the_worker() {
    let issuer = TestIssuer::start().await;
    let folder = TempDir::new().expect("a folder");
    let secret = folder.path().join("secret");
    fs::write(&secret, "not-the-secret").expect("written");
    let args = options("http://127.0.0.1:9", &issuer, &secret);
    let ended = Worker::spawn(args, "off").ends().await;
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(ended.printed, [""; 0]);
    let complaints = ended.complaints;
    assert!(
        complaints.starts_with("error: ") && complaints.contains("invalid_client"),
        "{complaints}"
    );
    assert!(!complaints.contains("not-the-secret"));
    assert_eq!(issuer.requests(Endpoint::Token), 1);
}

#[tokio::test]
async fn issuer_down_at_start_delays_only_the_token() {
    let issuer = TestIssuer::start().await;
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    fs::write(file("secret"), DEFAULT_CLIENT_SECRET).expect("written");
    let scopes = ScopeSet::from_iter([Scope::from_static("orders:read")]);
    let key = NewKey::new("billing").scopes(scopes);
    let key = KeyFile::at(file("keys.toml")).create(key).expect("a key");
    fs::write(file("key"), key.key().expose()).expect("written");
    let keys = file("keys.toml").display().to_string();
    let options_of_service = ["--issuer", &issuer.url(), "--api-keys", &keys];
    let (orders, _running) = orders_api(options_of_service).await;

    issuer.stop().await;
    let mut args = options(&orders, &issuer, &file("secret"));
    let key = file("key").display().to_string();
    args.extend(
        [
            "--calls",
            "100000",
            "--scope",
            "orders:read",
            "--api-key-file",
            &key,
        ]
        .map(str::to_owned),
    );
    let mut worker = Worker::spawn(args, "off");
    worker.says("token: not obtained: ").await;
    worker.says("call 1: no answer").await;
    let line = worker.printed.last().expect("just read");
    assert!(line.ends_with("200 with the API key"), "{line}");

    issuer.restart().await;
    worker.says("token: obtained").await;
    let has_both = |line: &String| line.ends_with(": 200 with the token, 200 with the API key");
    while !worker.printed.last().is_some_and(has_both) {
        worker.says("call ").await;
    }
}

#[tokio::test]
async fn sigterm_ends_the_worker_within_10_s() {
    let issuer = TestIssuer::start().await;
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    fs::write(file("secret"), DEFAULT_CLIENT_SECRET).expect("written");
    let key = NewKey::new("billing").issue(SystemClock.now(), None);
    fs::write(file("key"), key.expect("a key").key().expose()).expect("written");
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let orders = format!("http://{}", silent.local_addr().expect("bound"));
    let mut args = options(&orders, &issuer, &file("secret"));
    args.extend([
        "--api-key-file".to_owned(),
        file("key").display().to_string(),
    ]);
    let mut worker = Worker::spawn(args, "off");
    worker.says("token: obtained").await;
    issuer.fault(Endpoint::Revocation, Fault::Hang);
    let called = timeout(TIMEOUT, silent.accept()).await;
    let _connection = called.expect("a call in time").expect("a connection");
    worker.signal(Signal::TERM);
    let ended = timeout(Duration::from_secs(10), worker.ends()).await;
    let ended = ended.expect("an end within 10 s");
    assert!(
        ended.position("stopping: waiting up to 4 s") < ended.position("ending: waiting up to 4 s")
    );
    ended.position("token: not revoked");
}

#[tokio::test]
async fn expired_token_is_not_reported_as_revoked() {
    let issuer = TestIssuer::builder()
        .token_lifetime(Duration::from_secs(1))
        .start()
        .await
        .expect("an issuer");
    let folder = TempDir::new().expect("a folder");
    let secret = folder.path().join("secret");
    fs::write(&secret, DEFAULT_CLIENT_SECRET).expect("written");
    let mut args = options("http://127.0.0.1:9", &issuer, &secret);
    args.extend(["--calls", "1000"].map(str::to_owned));
    let mut worker = Worker::spawn(args, "off");
    worker.says("token: obtained").await;
    issuer.fault(Endpoint::Token, Fault::Down);
    // The second call is at least half a second after the first, when the token has expired.
    worker.says("token: not obtained: ").await;
    worker.says("token: not obtained: ").await;
    worker.interrupt();
    let ended = worker.ends().await;
    ended.position("token: nothing to revoke");
    assert!(!ended.printed.iter().any(|line| line == "token: revoked"));
    assert_eq!(issuer.requests(Endpoint::Revocation), 0);
}

#[tokio::test]
async fn failed_calls_are_reported_and_counted() {
    let issuer = TestIssuer::start().await;
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    fs::write(file("secret"), format!("{DEFAULT_CLIENT_SECRET}\n")).expect("written");
    // A key without scopes.
    let key = NewKey::new("billing").scopes(ScopeSet::default());
    let key = KeyFile::at(file("keys.toml")).create(key).expect("a key");
    fs::write(file("key"), format!("{}\n", key.key().expose())).expect("written");

    let keys = file("keys.toml").display().to_string();
    let options_of_service = ["--issuer", &issuer.url(), "--api-keys", &keys];
    let (orders, _running) = orders_api(options_of_service).await;

    let mut args = options(&orders, &issuer, &file("secret"));
    args.extend(["--scope", "orders:read", "--calls", "2"].map(str::to_owned));
    let ended = Worker::spawn(&args, "off").ends().await;
    assert!(ended.status.success(), "{:#?}", ended.printed);
    let expected = [
        "call 1: 200 with the token",
        "call 2: 200 with the token",
        "ending: waiting up to 4 s for the revocation of the token",
        "token: revoked",
        "done: 2 requests, 0 failed",
    ];
    assert!(ended.printed[0].starts_with("token: obtained, good for "));
    assert_eq!(ended.printed[1..], expected);
    assert_eq!(issuer.requests(Endpoint::Token), 1);
    assert_eq!(issuer.requests(Endpoint::Revocation), 1);

    let key = file("key").display().to_string();
    args.extend(["--api-key-file".to_owned(), key]);
    let ended = Worker::spawn(&args, "off").ends().await;
    assert_eq!(
        ended.status.code(),
        Some(1),
        "the exit status reports the failed call"
    );
    let line = &ended.printed[ended.position("call 2:")];
    let reason = line
        .strip_prefix("call 2: 200 with the token, 403 (")
        .and_then(|line| line.strip_suffix(") with the API key"));
    assert!(
        reason.is_some_and(|reason| reason.contains("orders:read")),
        "{line}"
    );
    assert_eq!(
        ended.printed.last().map(String::as_str),
        Some("done: 4 requests, 2 failed")
    );
}
