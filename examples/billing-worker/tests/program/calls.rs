//! Calls to an external service, and their failures.

use std::time::Duration;

use portcullis::{Scope, ScopeSet};
use portcullis_test::{DEFAULT_CLIENT_SECRET, Endpoint, Fault, TestIssuer};
use rustix::process::Signal;
use tokio::{net::TcpListener, time::timeout};

use crate::{
    files::Files,
    worker::{TIMEOUT, Worker},
};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn rejection_by_the_issuer_ends_the_worker() {
    let issuer = TestIssuer::start().await;
    let files = Files::new("not-the-secret");
    let args = files.options(NOWHERE, &issuer, &[]);
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
    let files = Files::new(DEFAULT_CLIENT_SECRET);
    let scopes = ScopeSet::from_iter([Scope::from_static("orders:read")]);
    let (orders, _running) = files.orders_api(&issuer, scopes).await;

    issuer.stop().await;
    let more = ["--calls", "100000", "--scope", "orders:read"];
    let mut args = files.options(&orders, &issuer, &more);
    args.extend(files.api_key_option());
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
    let files = Files::new(DEFAULT_CLIENT_SECRET);
    files.write_unknown_key();
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let orders = format!("http://{}", silent.local_addr().expect("bound"));
    let mut args = files.options(&orders, &issuer, &[]);
    args.extend(files.api_key_option());
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
    let files = Files::new(DEFAULT_CLIENT_SECRET);
    let args = files.options(NOWHERE, &issuer, &["--calls", "1000"]);
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
    let files = Files::new(&format!("{DEFAULT_CLIENT_SECRET}\n"));
    let (orders, _running) = files.orders_api(&issuer, ScopeSet::default()).await;

    let more = ["--scope", "orders:read", "--calls", "2"];
    let mut args = files.options(&orders, &issuer, &more);
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

    args.extend(files.api_key_option());
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
