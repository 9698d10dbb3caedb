//! The worker as a process, and the service that it calls.

use std::{
    ffi::{OsStr, OsString},
    fs,
    future::pending,
    iter,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use clap::Parser;
use portcullis_test::{DEFAULT_CLIENT_ID, TestIssuer};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout, Command},
    task::JoinSet,
    time::timeout,
};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
pub(crate) const FAST: [&str; 2] = ["--interval", "0.1"];

/// The worker, with its own folder for temporary files.
pub(crate) struct Worker {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    pub(crate) printed: Vec<String>,
    folder: TempDir,
}

/// The exit status and output of a worker.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) printed: Vec<String>,
    pub(crate) complaints: String,
}

impl Worker {
    pub(crate) fn spawn<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, log: &str) -> Self {
        Self::spawn_at(FAST, args, log)
    }

    pub(crate) fn spawn_at<A: AsRef<OsStr>>(
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

    /// Reads lines until one begins with this text.
    pub(crate) async fn says(&mut self, beginning: &str) {
        loop {
            let line = timeout(TIMEOUT, self.stdout.next_line()).await;
            let line = line.expect("a line in time").expect("text");
            let printed = &mut self.printed;
            let line = line.unwrap_or_else(|| panic!("no {beginning:?} in {printed:#?}"));
            self.printed.push(line.clone());
            if line.starts_with(beginning) {
                return;
            }
        }
    }

    /// The content of a file of the demonstration.
    pub(crate) fn read(&self, name: &str) -> String {
        let mut folders = fs::read_dir(self.folder.path()).expect("a folder");
        let folder = folders.next().expect("the demonstration's").expect("read");
        fs::read_to_string(folder.path().join(name)).expect(name)
    }

    /// Sends SIGINT, like Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("it runs").cast_signed();
        let process = Pid::from_raw(id).expect("an id other than 0");
        kill_process(process, signal).expect("it runs");
    }

    /// Waits for the end of the worker, and checks that it leaves no files behind.
    pub(crate) async fn ends(mut self) -> Ended {
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
        let status = timeout(TIMEOUT, ending).await.expect("it ends");
        let mut left = fs::read_dir(self.folder.path()).expect("a folder");
        assert!(left.next().is_none(), "no files are left behind");
        Ended {
            status,
            printed: self.printed,
            complaints,
        }
    }
}

impl Ended {
    pub(crate) fn position(&self, beginning: &str) -> usize {
        let printed = &self.printed;
        let found = printed.iter().position(|line| line.starts_with(beginning));
        found.unwrap_or_else(|| panic!("no {beginning:?} in {printed:#?}"))
    }
}

/// Runs orders-api with these options. Returns its URL. The service stops when the set is dropped.
pub(crate) async fn orders_api<A: Into<OsString>>(
    options: impl IntoIterator<Item = A>,
) -> (String, JoinSet<()>) {
    let options = options.into_iter().map(Into::into);
    let options = iter::once(OsString::from("orders-api")).chain(options);
    let options = orders_api::Args::try_parse_from(options).expect("arguments");
    let router = orders_api::router(&options).await.expect("orders-api");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let mut running = JoinSet::new();
    running.spawn(orders_api::serve(listener, router, pending()));
    (url, running)
}

/// The options of a worker that calls an external service.
pub(crate) fn options(orders: &str, issuer: &TestIssuer, secret: &Path) -> Vec<String> {
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
