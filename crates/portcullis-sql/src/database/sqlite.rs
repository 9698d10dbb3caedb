//! SQLite.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions, Connection as _, Sqlite, SqlitePool,
    migrate::MigrateError,
    pool::PoolConnection,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};

use super::{Connection, Database, Dialect, Purpose, connection::impl_connection};
use crate::migrations;

const DIALECT: Dialect = Dialect {
    position: "instr",
    greatest: "max",
    for_update: "",
    for_update_skip_locked: "",
    notify: None,
    analyze: "ANALYZE portcullis_keys",
};

/// A file. Readers do not wait for the writer, and there is one connection that writes.
pub(crate) struct SqliteFile {
    name: String,
    readers: SqlitePool,
    writer: SqlitePool,
}

impl SqliteFile {
    /// Opens the file; creates it with mode 0600 if `create` says so.
    pub(crate) async fn open(
        path: &Path,
        create: bool,
        max_readers: u32,
    ) -> Result<Self, sqlx::Error> {
        if create {
            create_file(path.to_path_buf()).await?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // The default of WAL may lose the last commits when the machine loses power: a revocation must not be lost.
            .synchronous(SqliteSynchronous::Full)
            // For the change of another process.
            .busy_timeout(Duration::from_secs(30))
            .disable_statement_logging();
        let pool = |purpose: Purpose, connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(purpose.timeout())
                .test_before_acquire(false)
                .max_lifetime(None)
                .idle_timeout(None)
        };
        // 64 MiB: an import touches the indexes at random places.
        let writer = options.clone().pragma("cache_size", "-65536");
        let writer = pool(Purpose::Change, 1).connect_with(writer).await?;
        let readers = pool(Purpose::View, max_readers).connect_lazy_with(options);
        Ok(Self {
            name: format!("SQLite {}", path.display()),
            readers,
            writer,
        })
    }
}

#[async_trait]
impl Database for SqliteFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn dialect(&self) -> &Dialect {
        &DIALECT
    }

    async fn acquire(&self, purpose: Purpose) -> Result<Box<dyn Connection>, sqlx::Error> {
        let pool = match purpose {
            Purpose::Request | Purpose::View => &self.readers,
            Purpose::Change => &self.writer,
        };
        let mut connection = SqliteConnection {
            pooled: pool.acquire().await?,
            is_stopped: Arc::default(),
        };
        let begin = match purpose {
            Purpose::Request => return Ok(Box::new(connection)),
            Purpose::View => "BEGIN",
            // Waits for the writers of other processes here, where nothing has been read yet.
            Purpose::Change => "BEGIN IMMEDIATE",
        };
        connection.stop_on_demand().await?;
        connection.script(begin).await?;
        Ok(Box::new(connection))
    }

    async fn migrate(&self, first_mark: i64) -> Result<(), MigrateError> {
        let mut connection = self.writer.acquire().await?;
        // The migrator does not lock SQLite.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        migrations::SQLITE
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

pub(super) struct SqliteConnection {
    pooled: PoolConnection<Sqlite>,
    is_stopped: Arc<AtomicBool>,
}

impl SqliteConnection {
    /// SQLite has no time limit for statements: it asks this flag every few thousand steps.
    async fn stop_on_demand(&mut self) -> Result<(), sqlx::Error> {
        let is_stopped = self.is_stopped.clone();
        let mut handle = self.pooled.lock_handle().await?;
        handle.set_progress_handler(5_000, move || !is_stopped.load(Ordering::Relaxed));
        Ok(())
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }
}

impl_connection!(SqliteConnection, Sqlite, SqliteRow);

async fn create_file(path: PathBuf) -> Result<(), sqlx::Error> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    match options.open(&path).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}
