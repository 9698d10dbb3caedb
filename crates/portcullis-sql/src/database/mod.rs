//! What the store needs of a database, whichever it is.

mod connection;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod session;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod statement;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::MigrateError;

pub(crate) use connection::{Columns, Connection, Row};
pub(crate) use session::{Session, SessionError};
pub(crate) use statement::{Statement, Value};

/// A pool of connections to one database.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// For logs and errors; without the password.
    fn name(&self) -> &str;

    fn dialect(&self) -> &Dialect;

    /// A connection with whatever `purpose` begins with.
    async fn acquire(&self, purpose: Purpose) -> Result<Box<dyn Connection>, sqlx::Error>;

    /// Creates or updates the tables. Several processes may do so at once.
    async fn migrate(&self, first_mark: i64) -> Result<(), MigrateError>;
}

/// What a connection is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// One statement that a request may wait for.
    Request,
    /// A read of management, in a transaction that only reads.
    View,
    /// A change, in a transaction.
    Change,
}

impl Purpose {
    /// How long a statement may take, and the wait for a connection.
    pub(crate) const fn timeout(self) -> Duration {
        match self {
            Self::Request => Duration::from_secs(2),
            Self::View => Duration::from_secs(10),
            Self::Change => Duration::from_secs(60),
        }
    }
}

/// Where the databases differ in the text of statements.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// The name of the function `f(text, part)`, which is positive if the text contains the part.
    pub(crate) position: &'static str,
    /// The larger of two numbers: a function.
    pub(crate) greatest: &'static str,
    /// Locks the rows of a SELECT.
    pub(crate) for_update: &'static str,
    /// Locks the rows of a SELECT, without those that are locked already.
    pub(crate) for_update_skip_locked: &'static str,
    /// Sends $2 on the channel $1, if the database can.
    pub(crate) notify: Option<&'static str>,
    /// Renews the planner's statistics.
    pub(crate) analyze: &'static str,
}
