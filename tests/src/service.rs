//! A service of the workspace, run as a process.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::http::{Response, get};
use crate::program;

/// Longer than any start takes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running service with its own working folder. Dropping it stops it.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    printed: Vec<String>,
    output: Lines<BufReader<ChildStdout>>,
    child: Child,
    folder: TempDir,
}

impl Service {
    /// Starts a program on a free loopback port and waits until it reports that it is ready.
    ///
    /// # Panics
    ///
    /// If it ends or does not report it in time.
    pub async fn spawn(name: &str, arguments: &[&str]) -> Self {
        Self::spawn_with(name, arguments, &[]).await
    }

    /// Like [`spawn`](Self::spawn), with additional environment variables.
    ///
    /// # Panics
    ///
    /// Like [`spawn`](Self::spawn).
    pub async fn spawn_with(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut service = Self::launch(name, arguments, variables).await;
        let line = service.next_line().await;
        assert_eq!(line.as_deref(), Some("ready"), "{}", service.log());
        service
    }

    /// Like [`spawn`](Self::spawn), but waits only until it prints `listening on http://ADDR`.
    ///
    /// # Panics
    ///
    /// Like [`spawn`](Self::spawn).
    pub async fn spawn_listening(name: &str, arguments: &[&str]) -> Self {
        Self::launch(name, arguments, &[]).await
    }

    async fn launch(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log =
            fs::File::create(folder.path().join("log")).expect("a file in the temporary folder");
        let mut child = Command::new(program(name))
            .args(["--listen", "127.0.0.1:0"])
            .args(crate::token_cache::flag())
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdout = child.stdout.take().expect("a piped output");
        let mut output = BufReader::new(stdout).lines();
        let mut printed = Vec::new();
        let address = loop {
            let line = timeout(TIMEOUT, output.next_line())
                .await
                .expect("the service starts in time");
            let Some(line) = line.expect("output in UTF-8") else {
                panic!("{name} ended: {}", read_log(folder.path()));
            };
            let address = line
                .strip_prefix("listening on http://")
                .map(|address| address.parse().expect("ADDR:PORT"));
            printed.push(line);
            if let Some(address) = address {
                break address;
            }
        };
        Self {
            address,
            printed,
            output,
            child,
            folder,
        }
    }

    /// The address where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines of its standard output until it listened.
    #[must_use]
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// The next line of its standard output. `None` once it has ended.
    ///
    /// # Panics
    ///
    /// If no line is printed in time.
    pub async fn next_line(&mut self) -> Option<String> {
        let line = timeout(TIMEOUT, self.output.next_line())
            .await
            .expect("another line in time");
        line.expect("output in UTF-8")
    }

    /// Its standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        read_log(self.folder.path())
    }

    /// Its working folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id. `None` once it has ended.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends SIGTERM, like a supervisor.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn terminate(&self) {
        let id = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(id.expect("a running process"), Signal::TERM)
            .expect("a signal to a child process");
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end within this time.
    pub async fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        let ended = timeout(limit, self.child.wait()).await;
        let ended =
            ended.unwrap_or_else(|_| panic!("still running after {limit:?}: {}", self.log()));
        ended.expect("a status")
    }

    /// Requests a path with a bearer token.
    ///
    /// # Panics
    ///
    /// If there is no response.
    pub async fn get_with_token(&self, path: &str, token: &str) -> Response {
        get(
            self.address,
            path,
            &[&format!("authorization: Bearer {token}")],
        )
        .await
    }
}

fn read_log(folder: &Path) -> String {
    fs::read(folder.join("log"))
        .map(|log| String::from_utf8_lossy(&log).into_owned())
        .unwrap_or_default()
}
