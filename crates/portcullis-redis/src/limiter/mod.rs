//! Limits that all instances share.

mod count;
mod link;
mod share;

use std::{fmt, sync::Arc, time::Duration};

use portcullis_api_key::{LimitCheck, LimitDecision, Limiter, Quota};
use portcullis_core::{
    ConfigError,
    clock::{UnixTime, system_clock},
};
use portcullis_worker::{Worker, current_runtime};

use crate::{
    DEFAULT_PREFIX,
    server::{CONNECT_TIMEOUT, RedisServer, problem_of},
};
use count::OwnedQuotas;
use link::{Link, Settings, keep, lose, no_answer_in};
use share::Share;

/// Counts requests in Redis, so that the limits hold for all instances of a service together.
///
/// A request costs one round trip, in which a script counts against the limits of the key and of its owner, or against neither if
/// the request is over one of them. The time is the server's. Redis forgets a subject when its whole burst is available again.
///
/// If Redis does not answer within the timeout, the instance enforces its share of each limit alone: the limit divided by
/// [`instances`](RedisLimiterBuilder::instances). It logs that once, makes no other request wait for Redis, and tries to connect
/// again every 1 to 5 s. `portcullis_redis` needs Redis 5 or Valkey, and no cluster.
///
/// Clones share the connection, which closes when the last is dropped.
#[derive(Clone)]
pub struct RedisLimiter {
    worker: Worker<Link>,
    share: Arc<Share>,
}

/// Builds a [`RedisLimiter`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisLimiterBuilder {
    server: RedisServer,
    prefix: Box<str>,
    timeout: Duration,
    instances: u32,
}

/// How a limiter counts at present.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisLimiterStatus {
    /// Whether requests are counted in Redis. Otherwise this instance enforces its share of each limit.
    pub is_shared: bool,
    /// Why they are not.
    pub problem: Option<Arc<str>>,
}

impl RedisLimiter {
    /// Builds a limiter that counts at `server`.
    pub fn builder(server: RedisServer) -> RedisLimiterBuilder {
        RedisLimiterBuilder {
            server,
            prefix: DEFAULT_PREFIX.into(),
            timeout: Duration::from_millis(50),
            instances: 1,
        }
    }

    /// How it counts at present.
    #[must_use]
    pub fn status(&self) -> RedisLimiterStatus {
        let link = self.worker.state();
        RedisLimiterStatus {
            is_shared: link.connection.is_some(),
            problem: link.problem.clone(),
        }
    }

    /// Waits until requests are counted in Redis, or until they are not.
    ///
    /// Returns at once if the task that connects has ended.
    pub async fn wait_until_shared(&self, is_shared: bool) {
        let reached = |link: &Link| link.connection.is_some() == is_shared;
        // An error means that the task has ended.
        let _ = self.worker.wait_for(reached).await;
    }
}

impl RedisLimiterBuilder {
    /// Sets the prefix of the keys in Redis; `portcullis` by default. Services that share a server and have limits of their own
    /// need different prefixes.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long a request waits for Redis; 50 ms by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the number of instances that share the limits; 1 by default. While Redis cannot be reached, each enforces that part of
    /// the limits.
    pub fn instances(mut self, instances: u32) -> Self {
        self.instances = instances;
        self
    }

    /// Starts the task that connects, and waits up to 2 s for the connection. If Redis cannot be reached, limits are enforced
    /// locally until it can.
    ///
    /// # Errors
    ///
    /// When the timeout or the number of instances is zero, the server's root certificates are not PEM, or the call is outside of a
    /// tokio runtime.
    pub async fn start(self) -> Result<RedisLimiter, ConfigError> {
        if self.timeout.is_zero() {
            return Err(ConfigError::new("timeout", "it must be > 0"));
        }
        if self.instances == 0 {
            return Err(ConfigError::new("instances", "it must be >= 1"));
        }
        let settings = Settings {
            client: self.server.client()?,
            name: self.server.name().into(),
            prefix: self.prefix,
            script: count::script(),
            timeout: self.timeout,
            instances: self.instances,
        };
        let link = Link {
            connection: None,
            generation: 0,
            problem: None,
            settings: Arc::new(settings),
        };
        let runtime = current_runtime("RedisLimiterBuilder::start")?;
        let (worker, task) = Worker::new(link, system_clock(), runtime);
        task.spawn(keep);
        let is_decided = |link: &Link| link.connection.is_some() || link.problem.is_some();
        // The limiter works without a connection, also if the task has ended, which it has logged.
        let _ = worker
            .within(CONNECT_TIMEOUT, worker.wait_for(is_decided))
            .await;
        let share = Arc::new(Share::new(self.instances));
        Ok(RedisLimiter { worker, share })
    }
}

impl Limiter for RedisLimiter {
    fn check(&self, quotas: &[Quota<'_>], now: UnixTime) -> LimitCheck {
        let link = self.worker.state();
        let Some(connection) = link.connection.clone() else {
            return LimitCheck::Ready(self.share.decide(quotas, now));
        };
        let generation = link.generation;
        let (limiter, quotas) = (self.clone(), OwnedQuotas::new(quotas));
        LimitCheck::Pending(Box::pin(async move {
            match limiter.count(&quotas, connection).await {
                Ok(decision) => decision,
                Err(problem) => {
                    lose(&limiter.worker, generation, &problem);
                    limiter.share.decide(&quotas.borrow(), now)
                }
            }
        }))
    }
}

impl RedisLimiter {
    async fn count(
        &self,
        quotas: &OwnedQuotas,
        mut connection: redis::aio::MultiplexedConnection,
    ) -> Result<LimitDecision, String> {
        let settings = self.worker.state().settings.clone();
        let counted = quotas.count(&settings.script, &settings.prefix, &mut connection);
        match self.worker.within(settings.timeout, counted).await {
            Some(Ok(decision)) => Ok(decision),
            Some(Err(error)) => Err(problem_of(&error)),
            None => Err(no_answer_in(settings.timeout)),
        }
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter")
            .field("redis", &self.worker.state().settings.name)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
