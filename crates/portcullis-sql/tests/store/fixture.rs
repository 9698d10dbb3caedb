//! An empty database of either kind, and what tests do to it.

use portcullis_api_key::{ApiKeyId, Created, IssuedKey, KeyManager, KeyRecord, KeySource, NewKey};
use portcullis_core::{Secret, clock::UnixTime};
use portcullis_sql::SqlStore;
use portcullis_test::ManualClock;
use portcullis_test_servers::{Database, PostgreSql};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;

pub(crate) const START: UnixTime = UnixTime::from_secs(1_800_000_000);

pub(crate) struct Fixture {
    pub(crate) url: String,
    pub(crate) clock: ManualClock,
    raw: Raw,
    /// Kept for its drop.
    _folder: Option<TempDir>,
}

enum Raw {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
}

impl Fixture {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        Self {
            url: format!("sqlite://{}", path.display()),
            clock: ManualClock::new(START),
            raw: Raw::Sqlite(sqlx::SqlitePool::connect_lazy_with(options)),
            _folder: Some(folder),
        }
    }

    pub(crate) fn postgres(database: &Database) -> Self {
        let url = database.url_needing_password();
        let options = url
            .parse::<sqlx::postgres::PgConnectOptions>()
            .expect("a URL");
        let options = options.password(PostgreSql::PASSWORD);
        Self {
            url,
            clock: ManualClock::new(START),
            raw: Raw::Postgres(sqlx::PgPool::connect_lazy_with(options)),
            _folder: None,
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.raw, Raw::Postgres(_))
    }

    pub(crate) fn builder(&self) -> portcullis_sql::SqlStoreBuilder {
        let builder = SqlStore::builder(&*self.url).clock(self.clock.shared());
        match self.is_postgres() {
            true => builder.password(Secret::new(PostgreSql::PASSWORD)),
            false => builder,
        }
    }

    /// A store with connections of its own, as another instance has.
    pub(crate) async fn store(&self) -> SqlStore {
        self.builder()
            .migrate(true)
            .connect()
            .await
            .expect("connected")
    }

    /// Executes statements behind the store's back.
    pub(crate) async fn sql(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.raw {
            Raw::Sqlite(pool) => sqlx::raw_sql(sql).execute(pool).await.map(drop),
            Raw::Postgres(pool) => sqlx::raw_sql(sql).execute(pool).await.map(drop),
        }
        .expect("executed");
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.raw {
            Raw::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await,
            Raw::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await,
        }
        .expect("a number")
    }

    pub(crate) fn postgres_pool(&self) -> &sqlx::PgPool {
        match &self.raw {
            Raw::Postgres(pool) => pool,
            Raw::Sqlite(_) => panic!("SQLite"),
        }
    }
}

pub(crate) async fn create(store: &SqlStore, new: NewKey) -> IssuedKey {
    match store.create(new).await.expect("created") {
        Created::New(issued) => issued,
        Created::Before(record) => panic!("{} was there", record.id),
    }
}

pub(crate) async fn fetch(store: &SqlStore, id: &ApiKeyId) -> KeyRecord {
    store.fetch(id).await.expect("an answer").expect("there")
}

pub(crate) async fn revision(store: &SqlStore) -> u64 {
    store
        .position(None)
        .await
        .expect("a position")
        .position
        .revision
}
