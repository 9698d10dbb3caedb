//! A connection and its rows, without the type of the database.

use async_trait::async_trait;

use super::statement::Statement;

/// A connection that was taken from a pool. Dropped, it goes back to the pool.
#[async_trait]
pub(crate) trait Connection: Send {
    async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, sqlx::Error>;

    /// Returns the number of rows that were changed.
    async fn execute(&mut self, statement: Statement) -> Result<u64, sqlx::Error>;

    /// Executes statements without values in one round trip.
    async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error>;

    /// Stops what runs, and closes the connection when it is dropped: what it began is rolled back.
    fn discard(&mut self);
}

pub(crate) type Row = Box<dyn Columns>;

/// The columns of a row. An error names the column.
pub(crate) trait Columns: Send {
    fn int(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error>;
    fn text(&self, column: &'static str) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, sqlx::Error>;
    fn bool(&self, column: &'static str) -> Result<Option<bool>, sqlx::Error>;
}

/// Implements [`Columns`] for the rows of a database, and [`Connection`] for a type with a field `pooled` and a method `stop`.
macro_rules! impl_connection {
    ($connection:ty, $database:ty, $row:ty) => {
        impl $crate::database::Columns for $row {
            fn int(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn text(&self, column: &'static str) -> Result<Option<String>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn bool(&self, column: &'static str) -> Result<Option<bool>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }
        }

        #[async_trait::async_trait]
        impl $crate::database::Connection for $connection {
            async fn rows(
                &mut self,
                statement: $crate::database::Statement,
            ) -> Result<Vec<$crate::database::Row>, sqlx::Error> {
                let rows = to_query(statement).fetch_all(&mut *self.pooled).await?;
                Ok(rows.into_iter().map(|row| Box::new(row) as _).collect())
            }

            async fn execute(
                &mut self,
                statement: $crate::database::Statement,
            ) -> Result<u64, sqlx::Error> {
                let done = to_query(statement).execute(&mut *self.pooled).await?;
                Ok(done.rows_affected())
            }

            async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
                sqlx::raw_sql(sql).execute(&mut *self.pooled).await?;
                Ok(())
            }

            fn discard(&mut self) {
                self.stop();
                self.pooled.close_on_drop();
            }
        }

        fn to_query(
            statement: $crate::database::Statement,
        ) -> sqlx::query::Query<'static, $database, <$database as sqlx::Database>::Arguments> {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.sql));
            for value in statement.values {
                query = match value {
                    $crate::database::Value::Int(value) => query.bind(value),
                    $crate::database::Value::Text(value) => query.bind(value),
                    $crate::database::Value::Bytes(value) => query.bind(value),
                    $crate::database::Value::Bool(value) => query.bind(value),
                };
            }
            query.persistent(statement.is_prepared)
        }
    };
}
pub(super) use impl_connection;
