use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt;
use portcullis_api_key::{Bus, BusMessage, StoreError, Subscription};
use portcullis_core::ConfigError;
use redis::{
    Client, RedisError,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    DEFAULT_PREFIX,
    server::{CONNECT_TIMEOUT, RedisServer, connect, problem_of},
};

/// A bus over Redis pub/sub. Clones share a connection for publishing; each subscription has its own.
///
/// The channel is `portcullis:changes`, or has another [`prefix`](Self::prefix). Its messages hold no data of keys. Whoever may
/// publish there can make instances ask their store, but not change what they accept.
#[derive(Clone)]
pub struct RedisBus {
    client: Client,
    name: Box<str>,
    channel: String,
    publisher: Arc<Mutex<Option<MultiplexedConnection>>>,
}

/// The longest time that Redis may take to accept a message.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(1);

impl RedisBus {
    /// A bus at `server`. It connects when it is first used.
    ///
    /// # Errors
    ///
    /// When the server's root certificates are not PEM.
    pub fn new(server: &RedisServer) -> Result<Self, ConfigError> {
        Ok(Self {
            client: server.client()?,
            name: server.name().into(),
            channel: channel(DEFAULT_PREFIX),
            publisher: Arc::default(),
        })
    }

    /// Sets the prefix of the channel, so that several systems can share a server; `portcullis` by default.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.channel = channel(prefix);
        self
    }

    fn error(&self, doing: &str, problem: &str) -> StoreError {
        let Self { name, channel, .. } = self;
        StoreError::new(format!(
            "{name}: cannot {doing} channel {channel}: {problem}"
        ))
    }

    async fn subscribed(&self) -> Result<PubSub, RedisError> {
        let mut pubsub = self.client.get_async_pubsub().await?;
        pubsub.subscribe(&self.channel).await?;
        Ok(pubsub)
    }
}

fn channel(prefix: &str) -> String {
    format!("{prefix}:changes")
}

#[async_trait]
impl Bus for RedisBus {
    fn name(&self) -> String {
        format!("{} (channel {})", self.name, self.channel)
    }

    async fn publish(&self, message: BusMessage) -> Result<(), StoreError> {
        let mut publisher = self.publisher.lock().await;
        loop {
            let old = publisher.take();
            let is_new = old.is_none();
            let mut connection = match old {
                Some(connection) => connection,
                None => connect(&self.client, PUBLISH_TIMEOUT)
                    .await
                    .map_err(|problem| self.error("publish on", &problem))?,
            };
            let mut publish = redis::cmd("PUBLISH");
            publish.arg(&self.channel).arg(message.to_text());
            match publish.exec_async(&mut connection).await {
                Ok(()) => {
                    *publisher = Some(connection);
                    return Ok(());
                }
                // An old connection may have been closed since it was last used.
                Err(_) if !is_new => {}
                Err(error) => return Err(self.error("publish on", &problem_of(&error))),
            }
        }
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError> {
        let error = |problem: &str| self.error("subscribe to", problem);
        let pubsub = timeout(CONNECT_TIMEOUT, self.subscribed()).await;
        let pubsub = pubsub
            .map_err(|_| error("Redis did not answer in time"))?
            .map_err(|failed| error(&problem_of(&failed)))?;
        let bus = self.clone();
        Ok(Box::new(RedisSubscription { pubsub, bus }))
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisBus").field(&self.name()).finish()
    }
}

struct RedisSubscription {
    pubsub: PubSub,
    bus: RedisBus,
}

#[async_trait]
impl Subscription for RedisSubscription {
    async fn next(&mut self) -> Result<BusMessage, StoreError> {
        loop {
            let Some(received) = self.pubsub.on_message().next().await else {
                let problem = "Redis closed the connection";
                return Err(self.bus.error("receive from", problem));
            };
            let text = std::str::from_utf8(received.get_payload_bytes()).ok();
            if let Some(message) = text.and_then(BusMessage::from_text) {
                return Ok(message);
            }
        }
    }
}
