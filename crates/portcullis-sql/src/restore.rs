//! A database that was restored from a backup: its keys must not be used until an operator says so, since it may not know of
//! later revocations.

use portcullis_api_key::{ManageError, Position};

use crate::{
    database::{Purpose, Statement},
    problem::Problem,
    record::to_millis,
    store::SqlStore,
};

impl SqlStore {
    /// Confirms that the store may be used after it was restored from a backup. All instances then load the keys anew.
    ///
    /// First revoke again what was revoked after the backup was made.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn confirm_restore(&self) -> Result<(), ManageError> {
        let confirmed = self.store_confirmation().await;
        confirmed.map_err(|problem| self.manage_error("confirm the restore", problem))
    }

    async fn store_confirmation(&self) -> Result<(), Problem> {
        let mut change = self.change(1).await?;
        let confirm =
            "UPDATE portcullis_meta SET restores = restores + 1, restore_reported_ms = NULL";
        change.session.execute(Statement::new(confirm)).await?;
        change.commit().await
    }

    pub(crate) async fn note_restore(&self, lost: &Position) -> Result<(), Problem> {
        let greatest = self.shared.database.dialect().greatest;
        // The backup may be older than the last confirmation. The next one must have a number that no instance has seen.
        // A report of before that confirmation counts no more.
        let note = format!(
            "UPDATE portcullis_meta SET restores = {greatest}(restores, $1), restore_reported_ms = $2 \
             WHERE restores <= $1 AND restore_reported_ms IS NULL"
        );
        let restores = i64::try_from(lost.restores).unwrap_or(i64::MAX);
        let now = to_millis(self.shared.key_maker.clock.now());
        let mut session = self.begin(Purpose::Change).await?;
        session
            .execute(Statement::new(note).bind(restores).bind(now))
            .await?;
        Ok(session.commit().await?)
    }
}
