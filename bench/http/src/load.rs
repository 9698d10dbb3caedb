//! Service processes, and phases of load on them.

use std::{
    env, fs,
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// The results of one phase.
pub(crate) struct Phase {
    pub(crate) requests_per_second: f64,
    /// Latencies in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Processor time of the service, in microseconds.
    pub(crate) cpu_per_request: f64,
}

/// A service process on core 0. It ends when this is dropped, or when this process ends.
pub(crate) struct Running {
    process: Child,
    port: u16,
}

impl Running {
    /// Starts this program again, as a service.
    pub(crate) fn start(kind: &str, issuer: &str, algorithm: &str) -> io::Result<Self> {
        let mut process = Command::new("taskset")
            .args(["-c", "0"])
            .arg(env::current_exe()?)
            .args(["serve", kind, issuer, algorithm])
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line)?;
        let port = line
            .trim()
            .parse()
            .map_err(|_| io::Error::other(format!("the {kind} service did not start")))?;
        Ok(Self { process, port })
    }

    /// Loads the service from core 1.
    pub(crate) fn load(&self, token: &str, seconds: u32) -> io::Result<Phase> {
        let before = self.cpu_nanoseconds()?;
        let output = Command::new("taskset")
            .args([
                "-c",
                "1",
                "wrk",
                "--threads=1",
                "--connections=64",
                "--latency",
            ])
            .arg(format!("--duration={seconds}"))
            .arg(format!("--header=Authorization: Bearer {token}"))
            .arg(format!("http://127.0.0.1:{}/orders", self.port))
            .output()?;
        let cpu = self.cpu_nanoseconds()? - before;
        let text = String::from_utf8_lossy(&output.stdout);
        if text.contains("Non-2xx") || text.contains("Socket errors") {
            return Err(io::Error::other(format!("requests failed:\n{text}")));
        }
        let phase = parse(&text, cpu);
        phase.ok_or_else(|| io::Error::other(format!("wrk's output has another form:\n{text}")))
    }

    /// The processor time that the service has used. It has one thread.
    fn cpu_nanoseconds(&self) -> io::Result<f64> {
        let path = format!("/proc/{}/schedstat", self.process.id());
        let text = fs::read_to_string(path)?;
        let time = text.split_whitespace().next().map(str::parse);
        match time {
            Some(Ok(time)) => Ok(time),
            _ => Err(io::Error::other("schedstat has another form")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn parse(text: &str, cpu: f64) -> Option<Phase> {
    let after = |label: &str| {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(label));
        line.map(str::trim)
    };
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))?;
    let requests: f64 = requests.0.parse().ok()?;
    Some(Phase {
        requests_per_second: after("Requests/sec:")?.parse().ok()?,
        p50: microseconds(after("50%")?)?,
        p99: microseconds(after("99%")?)?,
        cpu_per_request: cpu / requests / 1_000.0,
    })
}

fn microseconds(text: &str) -> Option<f64> {
    let (number, factor) = if let Some(number) = text.strip_suffix("us") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1_000.0)
    } else {
        (text.strip_suffix('s')?, 1_000_000.0)
    };
    Some(number.parse::<f64>().ok()? * factor)
}
