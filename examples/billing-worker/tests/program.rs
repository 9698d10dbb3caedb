//! The program as its users run it.

use std::{
    ffi::OsStr,
    fs,
    future::pending,
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use clap::Parser;
use portcullis::{
    Scope, ScopeSet,
    api_key::{KeyFile, NewKey},
    clock::{Clock, SystemClock},
};
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, Fault, TestIssuer, TestIssuerBuilder,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout, Command},
    task::JoinSet,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(60);
const FAST: [&str; 2] = ["--interval", "0.1"];

/// The worker, with a folder of its own for temporary files.
struct Worker {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    printed: Vec<String>,
    folder: TempDir,
}

/// What is left of it.
struct Ended {
    status: ExitStatus,
    printed: Vec<String>,
    complaints: String,
}

impl Worker {
    fn spawn<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, log: &str) -> Self {
        Self::spawn_at(FAST, args, log)
    }

    fn spawn_at<A: AsRef<OsStr>>(
        interval: [&str; 2],
        args: impl IntoIterator<Item = A>,
        log: &str,
    ) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_billing-worker"));
        command
            .args(interval)
            .args(args)
            .env("TMPDIR", folder.path())
            .env("RUST_LOG", log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self {
            child,
            stdout,
            printed: Vec::new(),
            folder,
        }
    }

    /// Reads on until a line begins so.
    async fn says(&mut self, beginning: &str) {
        loop {
            let line = timeout(PATIENCE, self.stdout.next_line()).await;
            let line = line.expect("a line in time").expect("text");
            let printed = &mut self.printed;
            let line = line.unwrap_or_else(|| panic!("no {beginning:?} in {printed:#?}"));
            self.printed.push(line.clone());
            if line.starts_with(beginning) {
                return;
            }
        }
    }

    /// What is in a file of the demonstration.
    fn read(&self, name: &str) -> String {
        let mut folders = fs::read_dir(self.folder.path()).expect("a folder");
        let folder = folders.next().expect("the demonstration's").expect("read");
        fs::read_to_string(folder.path().join(name)).expect(name)
    }

    /// As Ctrl-C does.
    fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("it runs").cast_signed();
        let process = Pid::from_raw(id).expect("no process has the id 0");
        kill_process(process, signal).expect("it runs");
    }

    /// Waits for its end, after which nothing of it may be left.
    async fn ends(mut self) -> Ended {
        let mut stderr = self.child.stderr.take().expect("a pipe");
        let mut complaints = String::new();
        let ending = async {
            let reading = stderr.read_to_string(&mut complaints);
            let printing = async {
                while let Some(line) = self.stdout.next_line().await.expect("text") {
                    self.printed.push(line);
                }
            };
            let (read, ()) = tokio::join!(reading, printing);
            read.expect("text");
            self.child.wait().await.expect("a status")
        };
        let status = timeout(PATIENCE, ending).await.expect("it ends");
        let mut left = fs::read_dir(self.folder.path()).expect("a folder");
        assert!(left.next().is_none(), "it leaves files behind");
        Ended {
            status,
            printed: self.printed,
            complaints,
        }
    }
}

impl Ended {
    fn position(&self, beginning: &str) -> usize {
        let printed = &self.printed;
        let found = printed.iter().position(|line| line.starts_with(beginning));
        found.unwrap_or_else(|| panic!("no {beginning:?} in {printed:#?}"))
    }
}

#[tokio::test]
async fn demonstration_survives_a_secret_rotation() {
    // Enough that a token, which lives a second here, is renewed after the rotation, however slow the machine.
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
        // Each between two calls.
        let at = ended.position(&format!("rotation {step}/3: "));
        assert!(at > ended.position(&format!("call {}:", step + 5)));
        assert!(at < ended.position(&format!("call {}:", step + 6)));
    }
    // By now it had only the new secret to get a token with.
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
    let status = timeout(PATIENCE, command.status()).await;
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
    assert!(text.contains("access token obtained"), "it logs: {text}");
    for secret in [&old, &new, &key] {
        assert!(secret.len() > 20 && !text.contains(secret.as_str()));
    }
    // As every JWT begins.
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
    let service = ["orders-api", "--issuer", &issuer.url(), "--api-keys", &keys].map(str::to_owned);
    let service = orders_api::Args::try_parse_from(service).expect("arguments");
    let app = orders_api::app(&service).await.expect("orders-api");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let orders = format!("http://{}", listener.local_addr().expect("bound"));
    let mut running = JoinSet::new();
    running.spawn(orders_api::serve(listener, app, pending()));

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
    worker.says("token: none: ").await;
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
    let called = timeout(PATIENCE, silent.accept()).await;
    let _connection = called.expect("a call in time").expect("a connection");
    worker.signal(Signal::TERM);
    let ended = timeout(Duration::from_secs(10), worker.ends()).await;
    let ended = ended.expect("it ends within 10 s");
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
    // The second comes half a second after the first at least, which the token does not outlive.
    worker.says("token: none: ").await;
    worker.says("token: none: ").await;
    worker.interrupt();
    let ended = worker.ends().await;
    ended.position("token: none to be revoked");
    assert!(!ended.printed.iter().any(|line| line == "token: revoked"));
    assert_eq!(issuer.requests(Endpoint::Revocation), 0);
}

#[tokio::test]
async fn failed_calls_are_reported_and_counted() {
    let issuer = TestIssuer::start().await;
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    fs::write(file("secret"), format!("{DEFAULT_CLIENT_SECRET}\n")).expect("written");
    // A key that grants nothing.
    let key = NewKey::new("billing").scopes(ScopeSet::default());
    let key = KeyFile::at(file("keys.toml")).create(key).expect("a key");
    fs::write(file("key"), format!("{}\n", key.key().expose())).expect("written");

    let url = issuer.url();
    let keys = file("keys.toml");
    let service = ["orders-api", "--issuer", &url, "--api-keys"].map(OsStr::new);
    let service = service.into_iter().chain([keys.as_os_str()]);
    let service = orders_api::Args::try_parse_from(service).expect("arguments");
    let app = orders_api::app(&service).await.expect("orders-api");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let orders = format!("http://{}", listener.local_addr().expect("bound"));
    let mut running = JoinSet::new();
    running.spawn(orders_api::serve(listener, app, pending()));

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
        "a call that fails is told by the status"
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

#[tokio::test]
async fn rotation_loses_no_call_at_any_server() {
    let mut rotations = JoinSet::new();
    rotations.spawn(rotate_at("RFC 6749", TestIssuer::builder()));
    for (server, body) in [
        (
            "Keycloak",
            json!({
                "error": "unauthorized_client",
                "error_description": "Invalid client or Invalid client credentials",
            }),
        ),
        (
            "Auth0",
            json!({ "error": "access_denied", "error_description": "Unauthorized" }),
        ),
        (
            "Cloud Foundry UAA",
            json!({ "error": "unauthorized", "error_description": "Bad credentials" }),
        ),
        (
            "Okta",
            json!({
                "errorCode": "invalid_client",
                "errorSummary": "Invalid value for 'client_id' parameter.",
                "errorLink": "invalid_client",
                "errorId": "oaeW0pWkbCbTFuPvOHhTqDIFw",
                "errorCauses": [],
            }),
        ),
    ] {
        rotations.spawn(rotate_at(
            server,
            TestIssuer::builder().client_rejection(body),
        ));
    }
    while let Some(rotation) = rotations.join_next().await {
        rotation.expect("no call is lost");
    }
}

/// The rotation that the README describes, at a server that accepts one secret at a time.
async fn rotate_at(server: &str, issuer: TestIssuerBuilder) {
    let new_secret = "another-secret";
    let issuer = issuer
        // So that at each step of the rotation a token is fetched, and none expires on its way on a slow machine.
        .token_lifetime(Duration::from_secs(4))
        .start()
        .await
        .expect("an issuer");
    let orders_args = ["orders-api", "--issuer", &issuer.url()].map(str::to_owned);
    let orders_args = orders_api::Args::try_parse_from(orders_args).expect("arguments");
    let app = orders_api::app(&orders_args).await.expect("orders-api");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let orders = format!("http://{}", listener.local_addr().expect("bound"));
    let mut running = JoinSet::new();
    running.spawn(orders_api::serve(listener, app, pending()));

    let folder = TempDir::new().expect("a folder");
    let secret = folder.path().join("secret");
    let replace = |content: &str| {
        let new = folder.path().join("new");
        fs::write(&new, content).expect("written");
        fs::rename(&new, &secret).expect("renamed");
    };
    replace(DEFAULT_CLIENT_SECRET);
    let mut args = options(&orders, &issuer, &secret);
    args.extend(["--scope", "orders:read", "--calls", "70"].map(str::to_owned));
    let mut worker = Worker::spawn_at(["--interval", "0.3"], args, "off");
    worker.says("call 10:").await;
    replace(&format!("{DEFAULT_CLIENT_SECRET}\n{new_secret}\n"));
    worker.says("call 25:").await;
    issuer.client_secrets(DEFAULT_CLIENT_ID, [new_secret]);
    worker.says("call 45:").await;
    replace(new_secret);
    let ended = worker.ends().await;
    let printed = &ended.printed;
    assert!(ended.status.success(), "{server}: {printed:#?}");
    let done = printed.last().map(String::as_str);
    assert_eq!(done, Some("done: 70 requests, 0 failed"), "{server}");
}

/// Of a worker that calls a service elsewhere.
fn options(orders: &str, issuer: &TestIssuer, secret: &Path) -> Vec<String> {
    let (issuer, secret) = (issuer.url(), secret.display().to_string());
    let options = [
        ("--orders-url", orders),
        ("--issuer", &issuer),
        ("--client-id", DEFAULT_CLIENT_ID),
        ("--client-secret-file", &secret),
    ];
    let options = options.into_iter().flat_map(|(name, value)| [name, value]);
    options.map(str::to_owned).collect()
}
