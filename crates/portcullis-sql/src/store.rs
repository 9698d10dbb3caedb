use std::{borrow::Cow, fmt, sync::Arc};

use aws_lc_rs::rand;
use portcullis_api_key::{BusMessage, KeyError, KeyMaker, ManageError, StoreError};

use crate::{
    builder::SqlStoreBuilder,
    database::{Database, Purpose, Row, Session, Statement},
    problem::Problem,
    record::to_millis,
};

/// API keys in SQLite or PostgreSQL. Cheap to clone; clones share the connections.
///
/// It implements [`KeySource`](portcullis_api_key::KeySource), which a `CachedStore` makes a store for requests of, and
/// [`KeyManager`](portcullis_api_key::KeyManager).
#[derive(Clone)]
pub struct SqlStore {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) database: Box<dyn Database>,
    pub(crate) key_maker: KeyMaker,
    /// Where changes are announced: a channel of PostgreSQL.
    pub(crate) channel: String,
    #[cfg(feature = "postgres")]
    pub(crate) bus_options: Option<sqlx::postgres::PgConnectOptions>,
}

impl SqlStore {
    /// Begins to build a store. `url` is `sqlite://` and a path, or `postgres://user@host:port/database`.
    pub fn builder(url: impl Into<String>) -> SqlStoreBuilder {
        SqlStoreBuilder::new(url.into())
    }

    /// PostgreSQL's `LISTEN` and `NOTIFY`, by which this store announces its changes. `None` for SQLite, whose file is polled.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn bus(&self) -> Option<impl portcullis_api_key::Bus + Clone + use<>> {
        let options = self.shared.bus_options.clone()?;
        Some(crate::bus::PostgresBus {
            store: self.clone(),
            options,
        })
    }

    pub(crate) async fn begin(&self, purpose: Purpose) -> Result<Session, Problem> {
        Ok(Session::begin(&*self.shared.database, purpose).await?)
    }

    /// The rows of one statement.
    pub(crate) async fn read(
        &self,
        purpose: Purpose,
        statement: Statement,
    ) -> Result<Vec<Row>, Problem> {
        let mut session = self.begin(purpose).await?;
        let rows = session.rows(statement).await?;
        session.commit().await?;
        Ok(rows)
    }

    /// Begins a change that takes `count` revisions. Until it ends, other changes wait.
    pub(crate) async fn change(&self, count: usize) -> Result<Change<'_>, Problem> {
        let mark = random_mark()?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut session = self.begin(Purpose::Change).await?;
        let advance = Statement::new(
            "UPDATE portcullis_meta SET revision = revision + $1, mark = $2 RETURNING revision",
        );
        let row = session.row(advance.bind(count).bind(mark)).await?;
        let revision = match row {
            Some(row) => row
                .int("revision")
                .map_err(crate::database::SessionError::from)?,
            None => None,
        };
        let last = revision.ok_or(Problem::Other(
            "portcullis_meta has no row: restore the database",
        ))?;
        let now = to_millis(self.shared.key_maker.clock.now());
        let note = Statement::new(
            "INSERT INTO portcullis_history (revision, mark, changed_ms) VALUES ($1, $2, $3)",
        );
        session
            .execute(note.bind(last).bind(mark).bind(now))
            .await?;
        Ok(Change {
            store: self,
            session,
            first: last.saturating_sub(count).saturating_add(1),
            last,
        })
    }

    pub(crate) fn store_error(&self, action: impl fmt::Display, problem: &Problem) -> StoreError {
        StoreError::new(self.explain(action, problem))
    }

    pub(crate) fn manage_error(&self, action: impl fmt::Display, problem: Problem) -> ManageError {
        match problem {
            Problem::Refused(error) => error,
            problem => ManageError::Store(Cow::Owned(self.explain(action, &problem))),
        }
    }

    fn explain(&self, action: impl fmt::Display, problem: &Problem) -> String {
        format!(
            "{}: could not {action}: {problem}",
            self.shared.database.name()
        )
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("name", &self.shared.database.name())
            .finish_non_exhaustive()
    }
}

/// A change: a transaction that holds the lock of `portcullis_meta`.
pub(crate) struct Change<'s> {
    store: &'s SqlStore,
    pub(crate) session: Session,
    /// The first revision of the change.
    pub(crate) first: i64,
    /// The last revision of the change.
    pub(crate) last: i64,
}

impl Change<'_> {
    /// Stores the change, and announces it.
    pub(crate) async fn commit(mut self) -> Result<(), Problem> {
        if let Some(notify) = self.store.shared.database.dialect().notify {
            let message = BusMessage::Changed(self.last.unsigned_abs()).to_text();
            let notify = Statement::new(notify)
                .bind(&*self.store.shared.channel)
                .bind(message);
            self.session.rows(notify).await?;
        }
        Ok(self.session.commit().await?)
    }

    /// Leaves all as it was, the revision too.
    pub(crate) async fn abandon(self) -> Result<(), Problem> {
        Ok(self.session.rollback().await?)
    }
}

/// A random number that a column for signed numbers keeps.
pub(crate) fn random_mark() -> Result<i64, KeyError> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(i64::from_le_bytes(bytes) & i64::MAX)
}
