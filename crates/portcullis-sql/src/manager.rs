use std::time::Duration;

use async_trait::async_trait;
use portcullis_api_key::{
    ApiKeyId, Created, Imported, IssuedKey, KeyError, KeyManager, KeyPage, KeyQuery, KeyRecord,
    ManageError, NewKey,
};
use portcullis_core::clock::UnixTime;

use crate::{
    database::Statement,
    problem::Problem,
    record::{self, COLUMN_COUNT, COLUMNS, DERIVED_COLUMNS, to_millis},
    store::{Change, SqlStore},
};

#[async_trait]
impl KeyManager for SqlStore {
    async fn create(&self, new: NewKey) -> Result<Created, ManageError> {
        let created = self.store_new(new).await;
        created.map_err(|problem| self.manage_error("create an API key", problem))
    }

    async fn import(&self, records: Vec<KeyRecord>) -> Result<Imported, ManageError> {
        let imported = self.store_all(records).await;
        imported.map_err(|problem| self.manage_error("import API keys", problem))
    }

    async fn get(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, ManageError> {
        let found = self.find(id).await;
        found.map_err(|problem| self.manage_error(format_args!("read the API key {id}"), problem))
    }

    async fn page(&self, query: &KeyQuery) -> Result<KeyPage, ManageError> {
        let page = self.read_page(query).await;
        page.map_err(|problem| self.manage_error("list the API keys", problem))
    }

    async fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, ManageError> {
        let rotated = self.store_rotation(id, grace).await;
        rotated
            .map_err(|problem| self.manage_error(format_args!("rotate the API key {id}"), problem))
    }

    async fn revoke(&self, id: &ApiKeyId, reason: Option<&str>) -> Result<KeyRecord, ManageError> {
        let revoked = self.store_revocation(id, reason).await;
        revoked
            .map_err(|problem| self.manage_error(format_args!("revoke the API key {id}"), problem))
    }

    async fn purge(&self, ended_before: UnixTime) -> Result<u64, ManageError> {
        let removed = self.remove_ended(ended_before).await;
        removed.map_err(|problem| self.manage_error("purge the ended API keys", problem))
    }
}

impl SqlStore {
    async fn store_new(&self, new: NewKey) -> Result<Created, Problem> {
        let issued = self.shared.key_maker.issue(new)?;
        let mut change = self.change(1).await?;
        let issued = issued.at_revision(change.last.unsigned_abs());
        if let Some(before) = change.find_repeated(issued.record()).await? {
            change.abandon().await?;
            return Ok(Created::decide(issued, Some(before))?);
        }
        change.insert(issued.record(), self.now()).await?;
        change.commit().await?;
        Ok(Created::New(issued))
    }

    async fn store_rotation(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, Problem> {
        let mut change = self.change(2).await?;
        let Some(mut old) = change.find(id).await? else {
            change.abandon().await?;
            return Err(KeyError::NotFound(*id).into());
        };
        let new = match self.shared.key_maker.rotate(&mut old, grace) {
            Ok(new) => new.at_revision(change.last.unsigned_abs()),
            Err(error) => {
                change.abandon().await?;
                return Err(error.into());
            }
        };
        let update = Statement::new(
            "UPDATE portcullis_keys SET successor = $2, expires_ms = $3, revision = $4 WHERE id = $1",
        );
        let update = update
            .bind(id.as_str())
            .bind(new.record().id.as_str())
            .bind(old.expires_at.map(to_millis))
            .bind(change.first);
        change.session.execute(update).await?;
        change.insert(new.record(), self.now()).await?;
        change.commit().await?;
        Ok(new)
    }

    async fn store_revocation(
        &self,
        id: &ApiKeyId,
        reason: Option<&str>,
    ) -> Result<KeyRecord, Problem> {
        let mut change = self.change(1).await?;
        let Some(mut record) = change.find(id).await? else {
            change.abandon().await?;
            return Err(KeyError::NotFound(*id).into());
        };
        let was_revoked = record.revoked_at.is_some();
        let revoked = record.revoke(self.now(), reason);
        if was_revoked || revoked.is_err() {
            change.abandon().await?;
            revoked?;
            return Ok(record);
        }
        record.revision = change.last.unsigned_abs();
        let update = Statement::new(
            "UPDATE portcullis_keys SET revoked_ms = $2, revoke_reason = $3, revision = $4 WHERE id = $1",
        );
        let update = update
            .bind(id.as_str())
            .bind(record.revoked_at.map(to_millis))
            .bind(record.revoke_reason.as_deref())
            .bind(change.last);
        change.session.execute(update).await?;
        change.commit().await?;
        Ok(record)
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.shared.key_maker.clock.now()
    }
}

impl Change<'_> {
    async fn find(&mut self, id: &ApiKeyId) -> Result<Option<KeyRecord>, Problem> {
        let select = format!("SELECT {COLUMNS} FROM portcullis_keys WHERE id = $1");
        self.find_by(Statement::new(select).bind(id.as_str())).await
    }

    /// The record that an earlier request with the same idempotency key created.
    async fn find_repeated(&mut self, new: &KeyRecord) -> Result<Option<KeyRecord>, Problem> {
        let Some(idempotency) = &new.idempotency else {
            return Ok(None);
        };
        let select = format!(
            "SELECT {COLUMNS} FROM portcullis_keys WHERE idempotency_key = $1 ORDER BY created_ms, id LIMIT 1"
        );
        self.find_by(Statement::new(select).bind(Some(&idempotency.key)))
            .await
    }

    async fn find_by(&mut self, select: Statement) -> Result<Option<KeyRecord>, Problem> {
        let row = self.session.row(select).await?;
        Ok(row.map(|row| record::read(&*row)).transpose()?)
    }

    async fn insert(&mut self, new: &KeyRecord, now: UnixTime) -> Result<(), Problem> {
        let revision = i64::try_from(new.revision).unwrap_or(i64::MAX);
        let insert = Statement::new(insert_into(1)).bind_all(record::values(new, revision, now));
        match self.session.execute(insert).await? {
            0 => Err(KeyError::Duplicate(new.id).into()),
            _ => Ok(()),
        }
    }
}

/// Inserts rows, and leaves out those whose id is there already.
pub(crate) fn insert_into(rows: usize) -> String {
    let mut insert = format!("INSERT INTO portcullis_keys ({COLUMNS}, {DERIVED_COLUMNS}) VALUES ");
    for row in 0..rows {
        insert.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..COLUMN_COUNT {
            let separator = if column == 0 { "$" } else { ", $" };
            insert.push_str(separator);
            insert.push_str(&(row * COLUMN_COUNT + column + 1).to_string());
        }
        insert.push(')');
    }
    insert.push_str(" ON CONFLICT (id) DO NOTHING");
    insert
}
