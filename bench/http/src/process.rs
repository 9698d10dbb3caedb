//! The processes of the services, and how busy a process was.

use std::{
    env, fs,
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::service::Service;

/// The core of the services.
const CORE: &str = "0";

/// A service that runs. It ends when this is dropped, and also when this process does.
pub(crate) struct Running {
    process: Child,
    /// The port of 127.0.0.1 that it listens on.
    pub(crate) port: u16,
}

impl Running {
    /// Starts this program once more, as a service.
    pub(crate) fn start(service: &Service) -> io::Result<Self> {
        let mut process = Command::new("taskset")
            .args(["-c", CORE])
            .arg(env::current_exe()?)
            .args(["serve", service.kind.name()])
            .args([&service.issuer, &service.audience])
            .args([&service.algorithm, &service.token])
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse().map_err(|_| {
            process.kill().ok();
            process.wait().ok();
            io::Error::other(format!("the {} service did not start", service.kind.name()))
        })?;
        Ok(Self { process, port })
    }

    /// What it has had of its core so far.
    pub(crate) fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.process.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// What a process has had of its core, and what it would have liked to have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// How long it has been computing, in user code and in the kernel.
    pub(crate) computed: Duration,
    /// How long it could have been computing as well, had the core not been busy with another process.
    pub(crate) queued: Duration,
}

impl Usage {
    /// That of all threads of a process: the nanoseconds in `/proc/PID/task/*/schedstat`, finer than the hundredths of
    /// seconds in `/proc/PID/stat`.
    pub(crate) fn of(process: u32) -> io::Result<Self> {
        let mut usage = Self::default();
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
            let mut times = stat
                .split_whitespace()
                .map(|time| time.parse().map(Duration::from_nanos));
            let (Some(Ok(computed)), Some(Ok(queued))) = (times.next(), times.next()) else {
                return Err(io::Error::other("schedstat has another form"));
            };
            usage.computed += computed;
            usage.queued += queued;
        }
        Ok(usage)
    }

    /// What came since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            computed: self.computed.saturating_sub(earlier.computed),
            queued: self.queued.saturating_sub(earlier.queued),
        }
    }
}
