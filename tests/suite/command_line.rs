//! `portcullis` with the registered client of a server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use portcullis_tests::{ScriptedServer, Service, program};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(60);

/// The exit status of a run, and its output.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Checks that the run succeeded. Returns its output.
    pub(crate) fn printed(self) -> String {
        assert_eq!((self.code, &*self.stderr), (Some(0), ""), "{self:?}");
        self.stdout.trim().to_owned()
    }

    /// Checks that the run failed. Returns its error.
    fn failed(self) -> String {
        assert_eq!((self.code, &*self.stdout), (Some(1), ""), "{self:?}");
        self.stderr
    }
}

/// Fetches a token, with more options.
pub(crate) async fn fetch(server: &ScriptedServer, options: &[&str]) -> Ended {
    fetch_with(server, ScriptedServer::SECRET, options).await
}

/// Fetches a token with this secret.
async fn fetch_with(server: &ScriptedServer, secret: &str, options: &[&str]) -> Ended {
    let arguments = [&["token", "fetch"], options].concat();
    run(&as_client(server, secret, &arguments), "").await
}

/// Checks that refused fetches report the error code of the server.
pub(crate) async fn assert_refusals_reported(server: &ScriptedServer) {
    let wrong = fetch_with(server, "wrong", &["--scope", "orders:read"]).await;
    let error = wrong.failed();
    assert!(error.contains("invalid_client"), "{error}");
    let unknown = fetch(server, &["--scope", "orders:burn"]).await;
    let error = unknown.failed();
    assert!(error.contains("invalid_scope"), "{error}");
}

/// Checks that the service sees the caller with this token as the registered client.
pub(crate) async fn assert_is_client(service: &Service, token: &str) {
    let caller = service.get_with_token("/whoami", token).await.json();
    assert_eq!(caller["client_id"], ScriptedServer::CLIENT_ID);
    assert_eq!(caller["kind"], "machine");
}

/// Revokes a token.
pub(crate) async fn revoke(server: &ScriptedServer, token: &str) -> Ended {
    let arguments = as_client(server, ScriptedServer::SECRET, &["token", "revoke"]);
    run(&arguments, token).await
}

/// Inspects a token, with more options.
pub(crate) async fn inspect(server: &ScriptedServer, token: &str, options: &[&str]) -> Ended {
    let arguments = [&["token", "inspect", "--issuer", server.issuer()], options].concat();
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    run(&arguments, token).await
}

/// Checks the key set of a server.
pub(crate) async fn check_keys(server: &ScriptedServer) -> Ended {
    let arguments = ["jwks", "check", "--issuer", server.issuer()];
    run(&arguments.map(str::to_owned), "").await
}

fn as_client(server: &ScriptedServer, secret: &str, arguments: &[&str]) -> Vec<String> {
    let file = server.folder().join("client-secret");
    let private = Permissions::from_mode(0o600);
    let written = fs::write(&file, secret).and_then(|()| fs::set_permissions(&file, private));
    written.expect("a file in the temporary folder");
    let file = file.display().to_string();
    let client = [
        "--issuer",
        server.issuer(),
        "--client-id",
        ScriptedServer::CLIENT_ID,
        "--client-secret-file",
        &file,
    ];
    let arguments = arguments.iter().chain(&client);
    arguments.map(|argument| (*argument).to_owned()).collect()
}

async fn run(arguments: &[String], input: &str) -> Ended {
    let mut child = Command::new(program("portcullis"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a command that starts");
    let mut stdin = child.stdin.take().expect("a piped input");
    // A command that reads no input may have ended.
    _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = timeout(TIMEOUT, child.wait_with_output()).await;
    let output = output.expect("an end in time").expect("its output");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}
