//! The demonstration that runs without options.

use std::{io, process::Stdio};

use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::worker::{FAST, TIMEOUT, Worker};

#[tokio::test]
async fn demonstration_survives_a_secret_rotation() {
    // Enough calls to renew the token, which lives a second, after the rotation also on a slow machine.
    let ended = Worker::spawn(["--calls", "24"], "off").ends().await;
    let printed = &ended.printed;
    assert!(ended.status.success(), "{printed:#?}");
    assert_eq!(ended.complaints, "");
    for call in 1..=24 {
        let line = &printed[ended.position(&format!("call {call}:"))];
        assert!(
            line.ends_with(": 200 with the token, 200 with the API key"),
            "{line}"
        );
    }
    for step in 1..=3 {
        // Each step is between two calls.
        let at = ended.position(&format!("rotation {step}/3: "));
        assert!(at > ended.position(&format!("call {}:", step + 5)));
        assert!(at < ended.position(&format!("call {}:", step + 6)));
    }
    // Only the new secret was left to fetch this token.
    let later = &printed[ended.position("rotation 3/3: ")..];
    assert!(
        later.iter().any(|line| line.starts_with("token: renewed")),
        "{later:#?}"
    );
    let end = &printed[printed.len() - 2..];
    assert_eq!(end, ["token: revoked", "done: 48 requests, 0 failed"]);
}

#[tokio::test]
async fn worker_runs_when_stdout_and_stderr_are_closed() {
    let closed = || {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_billing-worker"));
    command
        .args(FAST)
        .args(["--calls", "4"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .env("RUST_LOG", "trace")
        .stdout(closed())
        .stderr(closed())
        .kill_on_drop(true);
    let status = timeout(TIMEOUT, command.status()).await;
    let status = status.expect("it ends").expect("it starts");
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn output_and_log_contain_no_secret() {
    let mut worker = Worker::spawn(["--calls", "32"], "trace");
    worker.says("token: obtained").await;
    let (old, key) = (worker.read("client-secret"), worker.read("api-key"));
    worker.says("rotation 2/3").await;
    let new = worker.read("client-secret");
    assert_ne!(old, new);
    worker.says("rotation 3/3").await;
    worker.says("token: renewed").await;
    worker.interrupt();
    let ended = worker.ends().await;
    assert!(ended.status.success());
    let text = format!("{}\n{}", ended.printed.join("\n"), ended.complaints);
    assert!(
        text.contains("access token obtained"),
        "the log was captured: {text}"
    );
    for secret in [&old, &new, &key] {
        assert!(secret.len() > 20 && !text.contains(secret.as_str()));
    }
    // Every JWT begins like this.
    assert!(!text.contains("eyJ"));
}

#[tokio::test]
async fn interrupted_worker_revokes_its_token() {
    let mut worker = Worker::spawn(["--calls", "100000"], "off");
    worker.says("call 2:").await;
    worker.interrupt();
    let ended = worker.ends().await;
    assert!(ended.status.success());
    let before_the_last = ended.printed.len() - 2;
    assert_eq!(ended.position("token: revoked"), before_the_last);
    assert!(ended.printed[before_the_last + 1].ends_with(", 0 failed"));
}
