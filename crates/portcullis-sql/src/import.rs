use std::collections::HashSet;

use portcullis_api_key::{ApiKeyId, Imported, KeyError, KeyRecord};
use portcullis_core::clock::UnixTime;

use crate::{
    database::{SessionError, Statement},
    manager::insert_into,
    problem::Problem,
    record,
    store::{Change, SqlStore},
};

/// The records of one statement: 24 values each, of at most 32,766 in SQLite and 65,535 in PostgreSQL.
const BATCH: usize = 500;

/// From this number of records on, the planner gets new statistics.
const MANY: u64 = 5_000;

impl SqlStore {
    pub(crate) async fn store_all(&self, records: Vec<KeyRecord>) -> Result<Imported, Problem> {
        reject_repeated(&records)?;
        records.iter().try_for_each(KeyRecord::check_texts)?;
        if records.is_empty() {
            return Ok(Imported::default());
        }
        let mut change = self.change(records.len()).await?;
        let now = self.now();
        let mut imported = Imported::default();
        let mut revision = change.first;
        for batch in records.chunks(BATCH) {
            match change.insert_batch(batch, revision, now).await {
                Ok(stored) => {
                    imported.stored += stored;
                    imported.skipped += batch.len() as u64 - stored;
                }
                Err(problem) => {
                    change.abandon().await?;
                    return Err(problem);
                }
            }
            revision = revision.saturating_add(batch.len() as i64);
        }
        if imported.stored == 0 {
            change.abandon().await?;
            return Ok(imported);
        }
        change.commit().await?;
        if imported.stored >= MANY {
            self.renew_statistics().await;
        }
        Ok(imported)
    }

    /// Only the owner of the tables may do it. Without it, lists may be slow until the database does it itself.
    async fn renew_statistics(&self) {
        let analyze = Statement::new(self.shared.database.dialect().analyze);
        let outcome = async {
            let mut session = self.begin(crate::database::Purpose::Change).await?;
            session.execute(analyze).await?;
            Ok::<_, Problem>(session.commit().await?)
        };
        if let Err(problem) = outcome.await {
            tracing::debug!("the statistics of portcullis_keys were not renewed: {problem}");
        }
    }
}

fn reject_repeated(records: &[KeyRecord]) -> Result<(), KeyError> {
    let mut seen = HashSet::with_capacity(records.len());
    match records.iter().find(|record| !seen.insert(record.id)) {
        None => Ok(()),
        Some(repeated) => Err(KeyError::Duplicate(repeated.id)),
    }
}

impl Change<'_> {
    /// Returns the number of records that were not in the store.
    async fn insert_batch(
        &mut self,
        batch: &[KeyRecord],
        first: i64,
        now: UnixTime,
    ) -> Result<u64, Problem> {
        let values = batch
            .iter()
            .zip(first..)
            .flat_map(|(new, revision)| record::values(new, revision, now));
        let insert = Statement::new(insert_into(batch.len())).bind_all(values);
        let stored = self.session.execute(insert).await?;
        if stored < batch.len() as u64 {
            self.check_skipped(batch).await?;
        }
        Ok(stored)
    }

    /// Whether the records that were in the store already have the same digests there.
    async fn check_skipped(&mut self, batch: &[KeyRecord]) -> Result<(), Problem> {
        let places: Vec<String> = (1..=batch.len()).map(|place| format!("${place}")).collect();
        let select = format!(
            "SELECT id, digest FROM portcullis_keys WHERE id IN ({})",
            places.join(", ")
        );
        let ids = batch.iter().map(|record| record.id.as_str().into());
        let rows = self
            .session
            .rows(Statement::new(select).bind_all(ids))
            .await?;
        let digests: std::collections::HashMap<ApiKeyId, String> = batch
            .iter()
            .map(|record| (record.id, record.digest.to_string()))
            .collect();
        for row in rows {
            let text = |column| Ok::<_, SessionError>(row.text(column)?.unwrap_or_default());
            let Ok(id) = text("id")?.parse::<ApiKeyId>() else {
                continue;
            };
            if digests.get(&id) != Some(&text("digest")?) {
                return Err(KeyError::Duplicate(id).into());
            }
        }
        Ok(())
    }
}
