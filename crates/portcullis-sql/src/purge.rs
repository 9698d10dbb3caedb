use std::time::Duration;

use portcullis_core::clock::UnixTime;

use crate::{
    database::{Purpose, Statement},
    problem::Problem,
    record::{to_millis, to_millis_above},
    store::SqlStore,
};

/// The rows that are removed in one transaction, so that other changes do not wait long.
const BATCH: usize = 2_000;

/// How long the marks of changes are kept: an instance that was cut off for longer cannot notice a restore.
const HISTORY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Which rows ended before $1: for each selection, an index serves it.
const ENDED: [&str; 2] = [
    "revoked_ms IS NULL AND expires_ms < $1 AND lapsed IN (TRUE, FALSE)",
    "revoked_ms IS NOT NULL AND (revoked_ms < $1 OR expires_ms < $1)",
];

impl SqlStore {
    pub(crate) async fn remove_ended(&self, ended_before: UnixTime) -> Result<u64, Problem> {
        let mut removed = 0;
        for ended in ENDED {
            loop {
                let batch = self.remove_batch(ended, ended_before).await?;
                removed += batch;
                if batch < BATCH as u64 {
                    break;
                }
            }
        }
        self.trim_history().await?;
        Ok(removed)
    }

    async fn remove_batch(&self, ended: &str, ended_before: UnixTime) -> Result<u64, Problem> {
        let lock = self.shared.database.dialect().for_update;
        // In the order of the ids, as the uses of keys are recorded: two that lock in different orders wait for each other.
        let delete = format!(
            "DELETE FROM portcullis_keys WHERE id IN \
             (SELECT id FROM portcullis_keys WHERE id IN \
             (SELECT id FROM portcullis_keys WHERE {ended} LIMIT {BATCH}) ORDER BY id {lock})"
        );
        let mut change = self.change(1).await?;
        let limit = to_millis_above(ended_before);
        let removed = change
            .session
            .execute(Statement::new(delete).bind(limit))
            .await?;
        match removed {
            0 => change.abandon().await?,
            _ => change.commit().await?,
        }
        Ok(removed)
    }

    async fn trim_history(&self) -> Result<(), Problem> {
        let delete = Statement::new(
            "DELETE FROM portcullis_history WHERE changed_ms < $1 \
             AND revision < (SELECT revision FROM portcullis_meta)",
        );
        let oldest = to_millis(self.now().saturating_sub(HISTORY));
        let mut session = self.begin(Purpose::Change).await?;
        session.execute(delete.bind(oldest)).await?;
        Ok(session.commit().await?)
    }
}
