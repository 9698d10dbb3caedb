use portcullis_api_key::{KeyMaker, Peppers};
use portcullis_core::{ConfigError, Secret, clock::SharedClock};
use std::sync::Arc;

use crate::{
    connect_error::ConnectError,
    database::{Database, Purpose, Session, SessionError, Statement},
    migrations,
    store::{Shared, SqlStore, random_mark},
};

/// Builds a [`SqlStore`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SqlStoreBuilder {
    url: Secret,
    password: Option<Secret>,
    key_maker: KeyMaker,
    migrate: bool,
    max_connections: u32,
}

impl SqlStoreBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url: Secret::new(url),
            password: None,
            key_maker: KeyMaker::default(),
            migrate: false,
            max_connections: 10,
        }
    }

    /// Sets the password for PostgreSQL; that of the URL, of `PGPASSWORD` or of the password file by default.
    pub fn password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// Digests new keys under the current pepper. Give `ApiKeys` the same peppers.
    pub fn peppers(mut self, peppers: Peppers) -> Self {
        self.key_maker.peppers = Some(peppers);
        self
    }

    /// Sets the clock for creating, revoking and rotating keys; the system's by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.key_maker.clock = clock;
        self
    }

    /// Creates or updates the tables, and the file of SQLite; `false` by default. PostgreSQL creates the tables in the first
    /// schema of the `search_path`, which `?options=-c search_path=…` in the URL can set.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Sets the most connections for PostgreSQL, or the most readers for SQLite; 10 by default.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self
    }

    /// Connects, and checks the tables.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Config`] when the URL, the password or the number of connections cannot be used; when the database cannot
    /// be reached; when it has not the tables of this version.
    pub async fn connect(self) -> Result<SqlStore, ConnectError> {
        if self.max_connections == 0 {
            let problem = "allow at least one connection";
            return Err(ConfigError::new("max_connections", problem).into());
        }
        let url = self.url.expose_str().unwrap_or_default().to_owned();
        match url.split_once(':').map_or("", |(scheme, _)| scheme) {
            #[cfg(feature = "sqlite")]
            "sqlite" => self.open_sqlite(&url).await,
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => self.connect_postgres(&url).await,
            _ => {
                let problem = "begin it with sqlite:// or postgres://, and enable the feature of the database";
                Err(ConfigError::new("url", problem).into())
            }
        }
    }

    #[cfg(feature = "sqlite")]
    async fn open_sqlite(self, url: &str) -> Result<SqlStore, ConnectError> {
        let path = crate::database_url::sqlite_path(url)?;
        if self.password.is_some() {
            let problem = "SQLite has no password: leave it out, and restrict the file's mode";
            return Err(ConfigError::new("password", problem).into());
        }
        let opened =
            crate::database::sqlite::SqliteFile::open(&path, self.migrate, self.max_connections)
                .await;
        let database = opened.map_err(|error| {
            let hint = match path.exists() {
                true => "",
                false => "; create it with `migrate(true)`",
            };
            let error = SessionError::from(error);
            ConnectError::Unreachable(format!("SQLite {}: {error}{hint}", path.display()))
        })?;
        let shared = Shared {
            database: Box::new(database),
            key_maker: self.key_maker.clone(),
            channel: String::new(),
            #[cfg(feature = "postgres")]
            bus_options: None,
        };
        self.prepare(&*shared.database).await?;
        Ok(SqlStore {
            shared: Arc::new(shared),
        })
    }

    #[cfg(feature = "postgres")]
    async fn connect_postgres(self, url: &str) -> Result<SqlStore, ConnectError> {
        let (name, options) = crate::database_url::postgres_options(url, self.password.as_ref())?;
        let connected = crate::database::postgres::PostgresServer::connect(
            name.clone(),
            options.clone(),
            self.max_connections,
        );
        let database = connected.await.map_err(|error| {
            ConnectError::Unreachable(format!("{name}: {}", SessionError::from(error)))
        })?;
        self.prepare(&database).await?;
        let channel = database.channel().await.map_err(|error| {
            ConnectError::Unreachable(format!("{name}: {}", SessionError::from(error)))
        })?;
        let shared = Shared {
            database: Box::new(database),
            key_maker: self.key_maker,
            channel,
            bus_options: Some(options),
        };
        Ok(SqlStore {
            shared: Arc::new(shared),
        })
    }

    /// Migrates if asked to, and checks the tables.
    async fn prepare(&self, database: &dyn Database) -> Result<(), ConnectError> {
        let name = database.name();
        if self.migrate {
            let mark =
                random_mark().map_err(|error| ConnectError::Unreachable(error.to_string()))?;
            return database.migrate(mark).await.map_err(|error| {
                ConnectError::Schema(format!(
                    "{name}: the tables could not be created or updated: {error}"
                ))
            });
        }
        let version = read_version(database).await.map_err(|error| {
            ConnectError::Schema(format!(
                "{name}: portcullis_migrations could not be read ({error}): connect once with `migrate(true)` and an account that may create tables"
            ))
        })?;
        let problem = match version {
            migrations::NEWEST => return Ok(()),
            version if version > migrations::NEWEST => {
                "its tables are of a newer version: update this program"
            }
            _ => {
                "its tables are of an older version: connect once with `migrate(true)` and an account that may create tables"
            }
        };
        Err(ConnectError::Schema(format!("{name}: {problem}")))
    }
}

async fn read_version(database: &dyn Database) -> Result<i64, SessionError> {
    let mut session = Session::begin(database, Purpose::Request).await?;
    let newest = "SELECT max(version) AS version FROM portcullis_migrations";
    let row = session.row(Statement::new(newest)).await?;
    session.commit().await?;
    let version = row.map(|row| row.int("version")).transpose()?;
    Ok(version.flatten().unwrap_or_default())
}
