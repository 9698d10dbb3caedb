//! PostgreSQL.

use async_trait::async_trait;
use sqlx::{
    Connection as _, Executor, PgPool, Postgres,
    migrate::MigrateError,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};

use super::{Connection, Database, Dialect, Purpose, connection::impl_connection};
use crate::migrations;

const DIALECT: Dialect = Dialect {
    position: "strpos",
    greatest: "greatest",
    for_update: "FOR UPDATE",
    for_update_skip_locked: "FOR UPDATE SKIP LOCKED",
    notify: Some("SELECT pg_notify($1, $2)"),
    analyze: "ANALYZE portcullis_keys",
};

/// The limits are also the server's own, so that a statement that nobody waits for ends there. The last one frees the locks of
/// a process that was stopped in the middle of a change.
const ON_CONNECT: &str = "SET statement_timeout = '2s'";
const BEGIN_VIEW: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = '10s'";
const BEGIN_CHANGE: &str = "BEGIN; SET LOCAL statement_timeout = '60s'; \
     SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// The number of the lock that migrations hold, which no other program is likely to use.
const MIGRATION_LOCK: i64 = 0x706f_7274_6375_6c01;

pub(crate) struct PostgresServer {
    name: String,
    pool: PgPool,
}

impl PostgresServer {
    pub(crate) async fn connect(
        name: String,
        options: PgConnectOptions,
        max_connections: u32,
    ) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Purpose::Request.timeout())
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(ON_CONNECT).await.map(drop) })
            })
            .connect_with(options)
            .await?;
        Ok(Self { name, pool })
    }

    /// The channel of the schema that has the tables, whichever schemas an account searches first.
    pub(crate) async fn channel(&self) -> Result<String, sqlx::Error> {
        let schema = "SELECT nspname::text FROM pg_namespace WHERE oid = \
             (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('portcullis_meta'))";
        let schema: String = sqlx::query_scalar(schema).fetch_one(&self.pool).await?;
        // PostgreSQL allows 63 bytes. Two schemas that share a channel only wake each other.
        let end = (0..=40)
            .rev()
            .find(|end| schema.is_char_boundary(*end))
            .unwrap_or(0);
        Ok(format!("portcullis_keys_{}", &schema[..end]))
    }
}

#[async_trait]
impl Database for PostgresServer {
    fn name(&self) -> &str {
        &self.name
    }

    fn dialect(&self) -> &Dialect {
        &DIALECT
    }

    async fn acquire(&self, purpose: Purpose) -> Result<Box<dyn Connection>, sqlx::Error> {
        let mut connection = PostgresConnection {
            pooled: self.pool.acquire().await?,
        };
        match purpose {
            Purpose::Request => {}
            Purpose::View => connection.script(BEGIN_VIEW).await?,
            Purpose::Change => connection.script(BEGIN_CHANGE).await?,
        }
        Ok(Box::new(connection))
    }

    async fn migrate(&self, first_mark: i64) -> Result<(), MigrateError> {
        let mut connection = self.pool.acquire().await?;
        // In one transaction whose end frees the lock, also when a step fails. The migrator's own lock would stay.
        let mut transaction = connection.begin().await?;
        transaction
            .execute("SET LOCAL statement_timeout = '10min'")
            .await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut *transaction)
            .await?;
        migrations::POSTGRES
            .run_direct(None, &mut *transaction, false)
            .await?;
        sqlx::query(migrations::FIRST_META)
            .bind(first_mark)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(migrations::FIRST_HISTORY)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}

pub(super) struct PostgresConnection {
    pooled: PoolConnection<Postgres>,
}

impl PostgresConnection {
    #[expect(
        clippy::unused_self,
        reason = "the server stops statements, by their time limit"
    )]
    fn stop(&self) {}
}

impl_connection!(PostgresConnection, Postgres, PgRow);
