use std::time::Duration;

use tokio::time::timeout;

use super::{Connection, Database, Purpose, Row, Statement};

/// A connection in use. Each statement has a time limit. A session that is dropped before it ended closes its connection, so
/// that a statement that still runs, or a transaction that is half done, cannot reach the next user.
pub(crate) struct Session {
    connection: Box<dyn Connection>,
    purpose: Purpose,
    has_ended: bool,
}

/// Why a session could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("{}", describe(.0))]
    Database(#[from] sqlx::Error),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

impl Session {
    pub(crate) async fn begin(
        database: &dyn Database,
        purpose: Purpose,
    ) -> Result<Self, SessionError> {
        let connection = limited(purpose, database.acquire(purpose)).await?;
        Ok(Self {
            connection,
            purpose,
            has_ended: false,
        })
    }

    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, SessionError> {
        limited(self.purpose, self.connection.rows(statement)).await
    }

    pub(crate) async fn row(&mut self, statement: Statement) -> Result<Option<Row>, SessionError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Returns the number of rows that were changed.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, SessionError> {
        limited(self.purpose, self.connection.execute(statement)).await
    }

    /// Commits, or ends the reading.
    pub(crate) async fn commit(self) -> Result<(), SessionError> {
        self.end("COMMIT").await
    }

    pub(crate) async fn rollback(self) -> Result<(), SessionError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, with: &'static str) -> Result<(), SessionError> {
        if self.purpose != Purpose::Request {
            limited(self.purpose, self.connection.script(with)).await?;
        }
        self.has_ended = true;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.discard();
        }
    }
}

async fn limited<T>(
    purpose: Purpose,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, SessionError> {
    // Longer than the database's own limit, whose message says more.
    let limit = purpose.timeout().saturating_add(Duration::from_millis(250));
    match timeout(limit, work).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(SessionError::Timeout(limit)),
    }
}

fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::PoolTimedOut => {
            "no connection was free or could be made in time: see that the server runs, or raise `max_connections`".to_owned()
        }
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
    }
}

impl SessionError {
    /// The database's code for the error: SQLSTATE, or SQLite's number.
    pub(crate) fn code(&self) -> Option<String> {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().map(Into::into),
            _ => None,
        }
    }
}
