use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::Signal;

use crate::folder::Folder;
use crate::process::{Kind, Process};

/// A running Redis server without a password. Its data survives [`kill`](Self::kill).
#[derive(Debug)]
pub struct Redis(Process<Server>);

#[derive(Debug)]
struct Server;

impl Kind for Server {
    const STOP: Signal = Signal::TERM;

    fn command(&self, address: SocketAddr) -> Command {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", &address.ip().to_string()])
            .args(["--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "yes", "--appendfsync", "no"]);
        command
    }

    fn is_ready(&self, address: SocketAddr) -> bool {
        // It answers with an error while it loads its data.
        ask(address, "PING").is_some_and(|answer| answer == "+PONG")
    }
}

impl Redis {
    /// Starts a server.
    ///
    /// # Panics
    ///
    /// If Debian's package redis-server is not installed. `cargo xtask test` installs it.
    #[must_use]
    pub fn start() -> Self {
        Self(Process::start(Server, Folder::new("redis")))
    }

    /// The server that the tests of a process share. It is started by the first call.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Its URL, `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Runs a command of one word or more, such as `FLUSHALL`, and returns the first line of the answer.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[must_use]
    pub fn execute(&self, command: &str) -> String {
        ask(self.address(), command).expect("an answer of Redis")
    }

    /// Stops the server. Nothing listens at its port.
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// Starts the stopped server again, on the same port with the same data.
    pub fn start_again(&mut self) {
        self.0.start_again();
    }

    /// Suspends the server: its connections stay open, and it does not answer.
    pub fn pause(&self) {
        self.0.pause();
    }

    /// Ends [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.resume();
    }

    /// What the server has logged since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }
}

fn ask(address: SocketAddr, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}
