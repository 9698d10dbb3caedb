//! Load on one service, by `wrk` or by `generator.rs`.

use std::{
    env,
    error::Error,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    process::{Running, Usage},
    service::PATH,
};

/// The core of the load.
const CORE: &str = "1";
/// How many connections send one request after the other.
pub(crate) const CONNECTIONS: usize = 64;
/// How long a service is measured at a time.
pub(crate) const PHASE: Duration = Duration::from_millis(1500);
/// How long it is loaded before that.
const WARM_UP: Duration = Duration::from_millis(300);
/// How much of a core other processes may take in that time.
const DISTURBED: f64 = 0.05;
/// How often it is tried when they take more.
const ATTEMPTS: usize = 3;
/// When `wrk` ends by itself, should nobody stop it.
const LIMIT: &str = "10s";
/// Makes `wrk` print its figures in full.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/figures.lua");

/// What makes the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generator {
    /// `wrk`, from the system.
    Wrk,
    /// This program.
    Own,
}

impl Generator {
    /// Its name, on the command line and in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Own => "own",
        }
    }

    /// The one with that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Wrk, Self::Own]
            .into_iter()
            .find(|generator| generator.name() == name)
    }
}

/// What a service did under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    /// Requests answered in a second.
    pub(crate) rate: f64,
    /// The time of the middle answer, in microseconds.
    pub(crate) p50: f64,
    /// The time that one answer in a hundred takes or exceeds, in microseconds.
    pub(crate) p99: f64,
    /// How long the service computed for a request, in microseconds.
    pub(crate) computing: f64,
    /// The part of the time in which the service computed.
    pub(crate) server_busy: f64,
    /// The part of the time in which it would have computed, but the core was with processes from elsewhere.
    pub(crate) server_queued: f64,
    /// The part of the time in which the load generator computed.
    pub(crate) load_busy: f64,
    /// As for the service.
    pub(crate) load_queued: f64,
}

impl Phase {
    /// Whether other processes took so much of a core that the figures do not count.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.server_queued.max(self.load_queued) > DISTURBED
    }
}

/// Says what to install if the programs are missing that this needs.
pub(crate) fn check_tools(generator: Generator) -> Result<(), Box<dyn Error>> {
    let tools = [("taskset", "util-linux"), ("wrk", "wrk")];
    let needed = if generator == Generator::Wrk { 2 } else { 1 };
    for (tool, package) in &tools[..needed] {
        let found = Command::new(tool)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if found.is_err() {
            return Err(format!(
                "`{tool}` is missing: install it, on Debian with `apt-get install {package}`"
            )
            .into());
        }
    }
    if thread::available_parallelism()?.get() < 2 {
        return Err("two cores are needed: one for the services, one for the load".into());
    }
    Ok(())
}

/// Loads a service, first to warm it up and then to measure it. All answers must be good. What other processes disturb
/// is tried again, a few times.
pub(crate) fn load(
    generator: Generator,
    service: &Running,
    token: &str,
) -> Result<Phase, Box<dyn Error>> {
    let mut phase = load_once(generator, service, token)?;
    for _ in 1..ATTEMPTS {
        if !phase.is_disturbed() {
            break;
        }
        phase = load_once(generator, service, token)?;
    }
    Ok(phase)
}

fn load_once(
    generator: Generator,
    service: &Running,
    token: &str,
) -> Result<Phase, Box<dyn Error>> {
    let run = |duration| match generator {
        Generator::Wrk => figures(wrk(service, token)?, duration, true),
        Generator::Own => figures(own(service, token, duration)?, duration, false),
    };
    run(WARM_UP)?;
    let before = service.usage()?;
    let figures = run(PHASE)?;
    let server = service.usage()?.since(before);
    let computed = server.computed.as_secs_f64();
    Ok(Phase {
        rate: figures.requests / figures.seconds,
        p50: figures.p50,
        p99: figures.p99,
        computing: computed / figures.requests * 1e6,
        server_busy: computed / figures.seconds,
        server_queued: server.queued.as_secs_f64() / figures.seconds,
        load_busy: figures.usage.computed.as_secs_f64() / PHASE.as_secs_f64(),
        load_queued: figures.usage.queued.as_secs_f64() / PHASE.as_secs_f64(),
    })
}

fn wrk(service: &Running, token: &str) -> Result<Child, Box<dyn Error>> {
    let load = Command::new("taskset")
        .args(["-c", CORE, "wrk", "--threads", "1", "--latency"])
        .args(["--connections", &CONNECTIONS.to_string()])
        .args(["--duration", LIMIT, "--script", SCRIPT])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .arg(format!("http://127.0.0.1:{}{PATH}", service.port))
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(load)
}

fn own(service: &Running, token: &str, duration: Duration) -> Result<Child, Box<dyn Error>> {
    let load = Command::new("taskset")
        .args(["-c", CORE])
        .arg(env::current_exe()?)
        .args(["load", &service.port.to_string()])
        .args([&duration.as_millis().to_string(), token])
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(load)
}

/// What a load generator found.
struct Figures {
    requests: f64,
    seconds: f64,
    p50: f64,
    p99: f64,
    usage: Usage,
}

/// Lets a load generator run, and reads what it found. `wrk` has to be stopped, as it takes whole seconds only: its
/// figures are of the time in which it really ran.
fn figures(load: Child, duration: Duration, stop: bool) -> Result<Figures, Box<dyn Error>> {
    // The other one ends by itself, soon after.
    thread::sleep(duration);
    let usage = Usage::of(load.id())?;
    if stop {
        kill_process(Pid::from_child(&load), Signal::INT)?;
    }
    let output = load.wait_with_output()?;
    let output = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = output
        .lines()
        .find_map(|line| line.strip_prefix("figures "))
        .into_iter()
        .flat_map(|line| line.split(' ').map_while(|figure| figure.parse().ok()))
        .collect();
    let [requests, microseconds, p50, p99, refused, failed] = figures[..] else {
        return Err(format!("the load generator did not run as expected:\n{output}").into());
    };
    if requests == 0.0 || refused + failed > 0.0 {
        let problem = format!(
            "of {requests} requests {refused} were refused, and {failed} connections failed"
        );
        return Err(problem.into());
    }
    Ok(Figures {
        requests,
        seconds: microseconds / 1e6,
        p50,
        p99,
        usage,
    })
}
