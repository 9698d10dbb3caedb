//! PostgreSQL's LISTEN and NOTIFY as a bus.

use async_trait::async_trait;
use portcullis_api_key::{Bus, BusMessage, StoreError, Subscription};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::time::timeout;

use crate::{
    database::{Purpose, Statement},
    store::SqlStore,
};

/// Carries messages by PostgreSQL's `LISTEN` and `NOTIFY`. A subscription has a connection of its own.
#[derive(Clone)]
pub(crate) struct PostgresBus {
    pub(crate) store: SqlStore,
    pub(crate) options: PgConnectOptions,
}

#[async_trait]
impl Bus for PostgresBus {
    fn name(&self) -> String {
        format!("NOTIFY of {}", self.store.shared.database.name())
    }

    async fn publish(&self, message: BusMessage) -> Result<(), StoreError> {
        let notify = Statement::new("SELECT pg_notify($1, $2)")
            .bind(&*self.store.shared.channel)
            .bind(message.to_text());
        let sent = self.store.read(Purpose::Request, notify).await;
        sent.map(drop)
            .map_err(|problem| self.store.store_error("notify others", &problem))
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError> {
        let name = self.name();
        let failed =
            |problem: String| StoreError::new(format!("{name}: could not listen: {problem}"));
        let limit = Purpose::Request.timeout();
        match timeout(limit, self.listen()).await {
            Ok(Ok(listener)) => {
                let name = name.clone();
                Ok(Box::new(PostgresSubscription {
                    name,
                    listener: Some(listener),
                }))
            }
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no answer within {limit:?}"))),
        }
    }

    fn silence_hint(&self) -> Option<&'static str> {
        Some(
            "PgBouncer in transaction mode accepts LISTEN and never delivers a notification: give a URL that leads to \
             PostgreSQL itself or to a pool in session mode, or use Redis as the bus",
        )
    }
}

impl PostgresBus {
    async fn listen(&self) -> Result<PgListener, sqlx::Error> {
        // A pool of one: the listener's connection is none of those that requests wait for.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Purpose::Request.timeout())
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(self.options.clone())
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        listener.eager_reconnect(false);
        listener.listen(&self.store.shared.channel).await?;
        Ok(listener)
    }
}

struct PostgresSubscription {
    name: String,
    /// `None` once the connection was lost: the listener would connect again and hide the gap.
    listener: Option<PgListener>,
}

#[async_trait]
impl Subscription for PostgresSubscription {
    async fn next(&mut self) -> Result<BusMessage, StoreError> {
        let lost =
            |problem: &str| StoreError::new(format!("{}: connection lost: {problem}", self.name));
        let listener = self
            .listener
            .as_mut()
            .ok_or_else(|| lost("subscribe again"))?;
        let problem = loop {
            match listener.try_recv().await {
                Ok(Some(notification)) => {
                    if let Some(message) = BusMessage::from_text(notification.payload()) {
                        return Ok(message);
                    }
                }
                Ok(None) => break "the server closed it".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        let error = lost(&problem);
        self.listener = None;
        Err(error)
    }
}
