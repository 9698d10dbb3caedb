//! The process of a server, and its signals.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::Folder;

/// How often the state of a server is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// How often it is looked at before the test fails: for 30 s.
const LOOKS: usize = 3_000;

/// How many ports are tried. Another process may take a free port before the server does.
const PORTS: usize = 5;

/// What makes a server of one kind.
pub(crate) trait Kind: std::fmt::Debug {
    /// The command that runs the server in the foreground.
    fn command(&self, address: SocketAddr) -> Command;

    /// Whether the server answers.
    fn is_ready(&self, address: SocketAddr) -> bool;

    /// The signal that ends it at once, and in order.
    const STOP: Signal;
}

/// A server that runs, or has run.
#[derive(Debug)]
pub(crate) struct Process<K: Kind> {
    kind: K,
    address: SocketAddr,
    child: Option<Child>,
    folder: Folder,
}

impl<K: Kind> Process<K> {
    /// Starts a server on a free port. `folder` has its data.
    pub(crate) fn start(kind: K, folder: Folder) -> Self {
        let mut process = Self {
            kind,
            address: free_address(),
            child: None,
            folder,
        };
        for _ in 0..PORTS {
            if process.launch() {
                return process;
            }
            process.address = free_address();
        }
        panic!("the server does not start: {}", process.log());
    }

    /// Starts the stopped server again, on the same port.
    pub(crate) fn start_again(&mut self) {
        assert!(self.child.is_none(), "the server runs");
        assert!(
            self.launch(),
            "the server does not start again: {}",
            self.log()
        );
    }

    /// Starts it and waits until it answers. False if it ends.
    fn launch(&mut self) -> bool {
        let log = fs::File::create(self.log_path()).expect("a file in the temporary folder");
        let errors = log.try_clone().expect("a second descriptor");
        let mut command = self.kind.command(self.address);
        let mut child = command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        self.folder.note_process(child.id());
        for _ in 0..LOOKS {
            if child.try_wait().expect("a child process").is_some() {
                self.folder.forget_process();
                return false;
            }
            if self.kind.is_ready(self.address) {
                self.child = Some(child);
                return true;
            }
            sleep(PAUSE);
        }
        self.child = Some(child);
        panic!("the server does not answer: {}", self.log());
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn kind(&self) -> &K {
        &self.kind
    }

    /// Stops it in order, without waiting for its clients.
    pub(crate) fn stop(&mut self) {
        self.end(K::STOP);
    }

    /// Kills all its processes.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Stops all its processes until [`resume`](Self::resume): connections stay open and get no answer.
    pub(crate) fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let main = pid(child.id());
        let others = children(main);
        // A paused process gets other signals than SIGKILL once it continues.
        for process in [&[main], &*others].concat() {
            if signal == Signal::KILL || process == main {
                let _ = kill_process(process, signal);
            }
            let _ = kill_process(process, Signal::CONT);
        }
        for look in 0..LOOKS {
            if child.try_wait().expect("a child process").is_some() {
                self.folder.forget_process();
                return;
            }
            if look == LOOKS / 2 {
                let _ = child.kill();
            }
            sleep(PAUSE);
        }
        panic!("the server does not end: {}", self.log());
    }

    fn signal_all(&self, signal: Signal) {
        let main = self.child.as_ref().map(|child| pid(child.id()));
        let main = main.expect("the server runs");
        // The main process first: stopped, it starts no others.
        kill_process(main, signal).expect("a signal to the server");
        for process in children(main) {
            // It may have ended.
            let _ = kill_process(process, signal);
        }
    }
}

impl<K: Kind> Drop for Process<K> {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id.cast_signed()).expect("the id of a process")
}

/// The processes that `process` started.
fn children(process: Pid) -> Vec<Pid> {
    let id = process.as_raw_nonzero();
    let ids = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    ids.split_whitespace()
        .filter_map(|id| Pid::from_raw(id.parse().ok()?))
        .collect()
}
