use async_trait::async_trait;
use portcullis_api_key::{ApiKeyId, KeyRecord, KeySource, KeyUse, Position, Seen, StoreError};

use crate::{
    database::{Purpose, Row, SessionError, Statement},
    problem::Problem,
    record::{self, COLUMNS},
    store::SqlStore,
};

#[async_trait]
impl KeySource for SqlStore {
    fn name(&self) -> String {
        self.shared.database.name().to_owned()
    }

    async fn fetch(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, StoreError> {
        let found = self.find(id).await;
        found.map_err(|problem| self.store_error(format_args!("read the API key {id}"), &problem))
    }

    async fn ids(
        &self,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Result<Vec<ApiKeyId>, StoreError> {
        let ids = self.read_ids(after, limit).await;
        ids.map_err(|problem| self.store_error("list the ids", &problem))
    }

    async fn position(&self, known: Option<&Position>) -> Result<Seen, StoreError> {
        let seen = self.read_position(known).await;
        seen.map_err(|problem| self.store_error("read the position", &problem))
    }

    async fn changes(&self, after: u64, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let changes = self.read_changes(after, limit).await;
        changes.map_err(|problem| self.store_error("read the changes", &problem))
    }

    async fn report_restore(&self, lost: &Position) -> Result<(), StoreError> {
        match self.note_restore(lost).await {
            Err(problem) if problem.is_read_only() => {
                tracing::warn!(
                    store = self.shared.database.name(),
                    "a restore of the store could not be reported: the account may not update portcullis_meta; other instances \
                     find it by themselves"
                );
                Ok(())
            }
            reported => reported.map_err(|problem| self.store_error("report a restore", &problem)),
        }
    }

    async fn record_uses(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        let recorded = self.store_uses(uses).await;
        recorded.map_err(|problem| self.store_error("record the uses of keys", &problem))
    }
}

impl SqlStore {
    pub(crate) async fn find(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, Problem> {
        let select = format!("SELECT {COLUMNS} FROM portcullis_keys WHERE id = $1");
        let rows = self
            .read(Purpose::Request, Statement::new(select).bind(id.as_str()))
            .await?;
        Ok(rows.first().map(|row| record::read(&**row)).transpose()?)
    }

    async fn read_ids(
        &self,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Result<Vec<ApiKeyId>, Problem> {
        let select = "SELECT id FROM portcullis_keys WHERE id > $1 ORDER BY id LIMIT $2";
        // Each id follows the empty text.
        let select = Statement::new(select)
            .bind(after.map_or("", ApiKeyId::as_str))
            .bind(to_limit(limit));
        let rows = self.read(Purpose::Request, select).await?;
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row
                .text("id")
                .map_err(SessionError::from)?
                .unwrap_or_default();
            match id.parse() {
                Ok(id) => ids.push(id),
                // No key has such an id, so nobody can use it.
                Err(_) => warn_of_id(&id),
            }
        }
        Ok(ids)
    }

    async fn read_position(&self, known: Option<&Position>) -> Result<Seen, Problem> {
        let select = Statement::new(
            "SELECT revision, mark, restores, restore_reported_ms, \
             (SELECT mark FROM portcullis_history WHERE revision = $1) AS known_mark, \
             (SELECT min(revision) FROM portcullis_history) AS oldest FROM portcullis_meta",
        );
        let revision = known.map(|known| to_signed(known.revision));
        let rows = self.read(Purpose::Request, select.bind(revision)).await?;
        let row = rows.first().ok_or(Problem::Other(
            "portcullis_meta has no row: restore the database",
        ))?;
        let number = |column| Ok::<_, Problem>(row.int(column).map_err(SessionError::from)?);
        let unsigned =
            |column| Ok::<_, Problem>(number(column)?.unwrap_or_default().unsigned_abs());
        let position = Position {
            revision: unsigned("revision")?,
            mark: unsigned("mark")?,
            restores: unsigned("restores")?,
        };
        let continues = match known {
            None => true,
            // Its mark was purged from the history.
            Some(known) if known.revision < unsigned("oldest")? => true,
            Some(known) => number("known_mark")? == Some(to_signed(known.mark)),
        };
        Ok(Seen {
            position,
            continues,
            is_unconfirmed: number("restore_reported_ms")?.is_some(),
        })
    }

    async fn read_changes(&self, after: u64, limit: usize) -> Result<Vec<KeyRecord>, Problem> {
        let select = format!(
            "SELECT {COLUMNS} FROM portcullis_keys WHERE revision > $1 ORDER BY revision LIMIT $2"
        );
        let mut after = to_signed(after);
        loop {
            let select = Statement::new(select.clone())
                .bind(after)
                .bind(to_limit(limit));
            let rows = self.read(Purpose::Request, select).await?;
            let records: Vec<KeyRecord> = rows.iter().filter_map(read_change).collect();
            match rows.last() {
                // An empty answer would mean that there are no more changes.
                Some(last) if records.is_empty() => {
                    after = last
                        .int("revision")
                        .map_err(SessionError::from)?
                        .unwrap_or(i64::MAX);
                }
                _ => return Ok(records),
            }
        }
    }
}

/// A malformed row must not keep the others from those who follow the changes.
fn read_change(row: &Row) -> Option<KeyRecord> {
    match record::read(&**row) {
        Ok(record) => Some(record),
        Err(malformed) => {
            tracing::error!("the API key answers 503: {malformed}");
            let stand_in = record::unreadable(&**row);
            if stand_in.is_none() {
                warn_of_id(&malformed.id);
            }
            stand_in
        }
    }
}

fn warn_of_id(id: &str) {
    let id = portcullis_core::log::escape(id);
    tracing::error!(
        "portcullis_keys has a row whose id \"{id}\" is malformed: no key can have it; delete the row"
    );
}

fn to_signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn to_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
