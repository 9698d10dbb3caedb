//! The connection to Redis, and the task that keeps it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use portcullis_api_key::Limit;
use portcullis_core::clock::Deadline;
use portcullis_worker::{Backoff, BackoffRules, Death, Jitter, Shared, State, Task};
use redis::{Client, Script, aio::MultiplexedConnection};
use tokio::time::timeout;

use super::count::OwnedQuotas;
use crate::server::{connect, problem_of};

/// What requests see of the connection.
#[derive(Clone)]
pub(super) struct Link {
    /// `None` while limits are enforced locally.
    pub(super) connection: Option<MultiplexedConnection>,
    /// Counts the connections, so that a late failure of an old one does not end a new one.
    pub(super) generation: u64,
    /// Why there is no connection, if an attempt failed.
    pub(super) problem: Option<Arc<str>>,
    pub(super) settings: Arc<Settings>,
}

/// What the link and the limiter were built with.
pub(super) struct Settings {
    pub(super) client: Client,
    pub(super) name: Box<str>,
    pub(super) prefix: Box<str>,
    pub(super) script: Script,
    pub(super) timeout: Duration,
    pub(super) instances: u32,
}

/// A change that is logged.
#[derive(Clone)]
pub(super) enum Event {
    Connected,
    Lost,
    TaskDied(Death),
}

impl State for Link {
    type Event = Event;

    fn died(&mut self, death: Death) -> Event {
        self.connection = None;
        self.problem = Some("the task that connects has ended".into());
        Event::TaskDied(death)
    }

    fn log(&self, event: &Event) {
        let Settings {
            name, instances, ..
        } = &*self.settings;
        let problem = self.problem.as_deref();
        match event {
            Event::Connected => tracing::info!(
                redis = %name,
                "limits are counted in Redis, for all instances together"
            ),
            Event::Lost => tracing::warn!(
                redis = %name,
                problem,
                instances,
                "limits cannot be counted in Redis; this instance enforces its share of each (the limit divided by `instances`) \
                 until Redis answers again"
            ),
            Event::TaskDied(death) => tracing::error!(
                redis = %name,
                ?death,
                instances,
                "the task that connects to Redis has ended; this instance enforces only its share of each limit: restart it"
            ),
        }
    }
}

/// Notes that Redis failed on the connection of this generation. Logs it once.
pub(super) fn lose(shared: &Shared<Link>, generation: u64, problem: &str) {
    let mut was_lost = false;
    shared.update(|link| {
        was_lost = link.generation == generation && link.connection.take().is_some();
        if was_lost {
            link.problem = Some(problem.into());
        }
    });
    if was_lost {
        shared.announce(Event::Lost);
    }
}

/// Attempts to connect, and how often an idle connection is tried.
const ATTEMPTS: BackoffRules = BackoffRules {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(5),
    ..BackoffRules::DEFAULT
};
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// A slow answer to a probe is no reason to leave Redis: requests have their own timeout.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Connects, and connects again when the connection is lost.
pub(super) async fn keep(task: Task<Link>) -> Infallible {
    let settings = task.state().settings.clone();
    let mut backoff = Backoff::new(ATTEMPTS);
    loop {
        match settings.open().await {
            Ok(connection) => {
                backoff.succeeded();
                hold(&task, &settings, connection).await;
            }
            Err(problem) => {
                let is_first = task.state().problem.is_none();
                task.update(|link| link.problem = Some(problem.as_str().into()));
                if is_first {
                    task.announce(Event::Lost);
                }
            }
        }
        // Also after a loss: a server that keeps failing must not be tried, or logged, by every request.
        let wait = backoff.next_wait(Jitter::random());
        backoff.failed(task.now(), wait, None);
        let end = Deadline::after(task.now(), wait);
        while !end.is_reached(task.now()) {
            task.pause(end).await;
        }
    }
}

/// Publishes a connection, and returns when it is lost.
async fn hold(task: &Task<Link>, settings: &Settings, mut connection: MultiplexedConnection) {
    let generation = task.state().generation + 1;
    task.update(|link| {
        link.connection = Some(connection.clone());
        link.generation = generation;
        link.problem = None;
    });
    task.announce(Event::Connected);
    loop {
        task.pause(Deadline::after(task.now(), PROBE_INTERVAL))
            .await;
        if task.state().connection.is_none() {
            return;
        }
        if let Err(problem) = settings.probe(&mut connection, PROBE_TIMEOUT).await {
            lose(task, generation, &problem);
            return;
        }
    }
}

impl Settings {
    /// Connects to a server that counts in time.
    async fn open(&self) -> Result<MultiplexedConnection, String> {
        let mut connection = connect(&self.client, PROBE_TIMEOUT).await?;
        // The first probe may send the script.
        self.probe(&mut connection, PROBE_TIMEOUT).await?;
        self.probe(&mut connection, self.timeout).await?;
        Ok(connection)
    }

    /// Counts a request of nobody. A server that only answers `PING` might be a replica, which counts nothing, or be out of memory.
    async fn probe(
        &self,
        connection: &mut MultiplexedConnection,
        limit: Duration,
    ) -> Result<(), String> {
        let quota = OwnedQuotas::probe(probe_limit());
        let counted = quota.count(&self.script, &self.prefix, connection);
        match timeout(limit, counted).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(problem_of(&error)),
            Err(_) => Err(no_answer_in(limit)),
        }
    }
}

pub(super) fn no_answer_in(limit: Duration) -> String {
    format!("Redis did not answer in {limit:?}")
}

/// A limit that probes never exceed.
fn probe_limit() -> Limit {
    Limit::new(1_000, Duration::from_secs(1)).expect("a valid limit")
}
