use portcullis_api_key::KeyUse;

use crate::{
    database::{Purpose, Session, Statement, Value},
    problem::Problem,
    record::to_millis,
    store::SqlStore,
};

/// The uses of one statement.
const BATCH: usize = 500;

/// The expired keys that are marked as such with each report.
const LAPSED: usize = 1_000;

impl SqlStore {
    pub(crate) async fn store_uses(&self, uses: &[KeyUse]) -> Result<(), Problem> {
        if uses.is_empty() {
            return Ok(());
        }
        // All who lock several rows do so in the order of the ids, so that none waits for another that waits for it.
        let mut uses: Vec<&KeyUse> = uses.iter().collect();
        uses.sort_unstable_by_key(|key_use| key_use.id);
        // The uses come last: a report that failed may be repeated, and must not count them twice.
        match self.replace_digests(&uses).await {
            Err(problem) if problem.is_read_only() => tracing::warn!(
                store = self.shared.database.name(),
                "the account may not replace the digests of API keys, which keep their old pepper: grant it the rights that the \
                 documentation of portcullis-sql names"
            ),
            replaced => replaced?,
        }
        self.mark_lapsed().await?;
        let mut session = self.begin(Purpose::Change).await?;
        for batch in uses.chunks(BATCH) {
            self.add_uses(&mut session, batch).await?;
        }
        Ok(session.commit().await?)
    }

    /// Does not change revisions: nothing that decides about a request has changed.
    async fn add_uses(&self, session: &mut Session, uses: &[&KeyUse]) -> Result<(), Problem> {
        let dialect = self.shared.database.dialect();
        if !dialect.for_update.is_empty() {
            let lock = format!(
                "SELECT id FROM portcullis_keys WHERE id IN ({}) ORDER BY id {}",
                places(uses.len(), 1, |_| String::new()),
                dialect.for_update
            );
            let ids = uses.iter().map(|key_use| key_use.id.as_str().into());
            session.rows(Statement::new(lock).bind_all(ids)).await?;
        }
        // VALUES names its columns column1, column2, … in both databases.
        let update = format!(
            "UPDATE portcullis_keys SET use_count = use_count + used.column3, \
             last_used_ms = {}(coalesce(last_used_ms, 0), used.column2) \
             FROM (VALUES {}) AS used WHERE portcullis_keys.id = used.column1",
            dialect.greatest,
            places(uses.len(), 3, |row| format!("({row})")),
        );
        let values = uses.iter().flat_map(|key_use| {
            let count = i64::try_from(key_use.count).unwrap_or(i64::MAX);
            let last_used = to_millis(key_use.last_used_at);
            [key_use.id.as_str().into(), last_used.into(), count.into()] as [Value; 3]
        });
        session
            .execute(Statement::new(update).bind_all(values))
            .await?;
        Ok(())
    }

    /// Lists find expired keys faster by the mark.
    async fn mark_lapsed(&self) -> Result<(), Problem> {
        let lock = self.shared.database.dialect().for_update_skip_locked;
        let mark = format!(
            "UPDATE portcullis_keys SET lapsed = TRUE WHERE id IN (SELECT id FROM portcullis_keys \
             WHERE revoked_ms IS NULL AND lapsed = FALSE AND expires_ms <= $1 ORDER BY expires_ms LIMIT {LAPSED} {lock})"
        );
        let mut session = self.begin(Purpose::Change).await?;
        session
            .execute(Statement::new(mark).bind(to_millis(self.now())))
            .await?;
        Ok(session.commit().await?)
    }

    async fn replace_digests(&self, uses: &[&KeyUse]) -> Result<(), Problem> {
        let replaced = uses
            .iter()
            .filter_map(|key_use| Some((key_use, key_use.new_digest?)));
        let replaced: Vec<_> = replaced.collect();
        if replaced.is_empty() {
            return Ok(());
        }
        let mut change = self.change(replaced.len()).await?;
        let mut count = 0;
        for ((key_use, (old, new)), revision) in replaced.iter().zip(change.first..) {
            let update = Statement::new(
                "UPDATE portcullis_keys SET digest = $3, revision = $4, \
                 pepper = CASE WHEN is_foreign THEN NULL ELSE $5 END WHERE id = $1 AND digest = $2",
            );
            let update = update
                .bind(key_use.id.as_str())
                .bind(old.to_string())
                .bind(new.to_string())
                .bind(revision)
                .bind(new.pepper_version().map_or(-1, i64::from));
            count += change.session.execute(update).await?;
        }
        match count {
            0 => change.abandon().await,
            _ => change.commit().await,
        }
    }
}

/// `$1, $2, …`, with `columns` in each row.
fn places(rows: usize, columns: usize, row: impl Fn(&str) -> String) -> String {
    let rows = (0..rows).map(|index| {
        let places: Vec<String> = (1..=columns)
            .map(|column| format!("${}", index * columns + column))
            .collect();
        let places = places.join(", ");
        match columns {
            1 => places,
            _ => row(&places),
        }
    });
    rows.collect::<Vec<_>>().join(", ")
}
