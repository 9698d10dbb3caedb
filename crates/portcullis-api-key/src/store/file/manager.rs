//! The keys of a file, managed as those of every other store.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use async_trait::async_trait;
use portcullis_core::clock::UnixTime;
use tokio::runtime::Handle;

use super::{
    error::KeyFileError,
    key_file::{KeyFile, NewFile, push_new},
};
use crate::{
    digest::KeyDigest,
    error::KeyError,
    format::ApiKeyId,
    issue::{IssuedKey, NewKey},
    manage::{Created, Imported, KeyManager, KeyPage, KeyQuery, ManageError},
    record::KeyRecord,
};

#[async_trait]
impl KeyManager for KeyFile {
    async fn create(&self, new: NewKey) -> Result<Created, ManageError> {
        let (issued, before) = self
            .blocking(|file| {
                file.change(NewFile::Allowed, |records| {
                    let issued = file.key_maker.issue(new)?;
                    let before = find_repeated(records, issued.record());
                    if before.is_none() {
                        push_new(records, issued.record().clone())?;
                    }
                    Ok((issued, before))
                })
            })
            .await?;
        Created::decide(issued, before)
    }

    /// Creates the file if it does not exist.
    async fn import(&self, records: Vec<KeyRecord>) -> Result<Imported, ManageError> {
        self.blocking(|file| file.change(NewFile::Allowed, |stored| import(stored, records)))
            .await
    }

    async fn get(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, ManageError> {
        let id = *id;
        let find = move |file: &Self| {
            let found = file.list()?.into_iter().find(|record| record.id == id);
            Ok(found)
        };
        self.blocking(find).await
    }

    async fn page(&self, query: &KeyQuery) -> Result<KeyPage, ManageError> {
        let query = query.clone();
        self.blocking(move |file| Ok(query.select(&file.list()?)))
            .await
    }

    async fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, ManageError> {
        let id = *id;
        self.blocking(move |file| Self::rotate(file, &id, grace))
            .await
    }

    async fn revoke(&self, id: &ApiKeyId, reason: Option<&str>) -> Result<KeyRecord, ManageError> {
        let (id, reason) = (*id, reason.map(str::to_owned));
        self.blocking(move |file| file.revoke_because(&id, reason.as_deref()))
            .await
    }

    async fn purge(&self, ended_before: UnixTime) -> Result<u64, ManageError> {
        self.blocking(move |file| {
            file.change(NewFile::Rejected, |records| {
                let before = records.len();
                records.retain(|record| !record.ended_before(ended_before));
                Ok((before - records.len()) as u64)
            })
        })
        .await
    }
}

impl KeyFile {
    /// Works on the file on a thread that may block, or here without a runtime.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, KeyFileError> + Send + 'static,
    ) -> Result<T, ManageError> {
        let worked = match Handle::try_current() {
            Err(_) => work(self),
            Ok(runtime) => {
                let file = self.clone();
                let worked = runtime.spawn_blocking(move || work(&file)).await;
                worked.map_err(|panic| ManageError::Store(format!("key file: {panic}").into()))?
            }
        };
        worked.map_err(|error| match error {
            KeyFileError::Key(error) => error.into(),
            error => ManageError::Store(error.one_line().into()),
        })
    }
}

/// The record that an earlier request with the same idempotency key created.
fn find_repeated(records: &[KeyRecord], new: &KeyRecord) -> Option<KeyRecord> {
    let key = new.idempotency?.key;
    let is_same =
        |record: &&KeyRecord| (record.idempotency).is_some_and(|stored| stored.key == key);
    records.iter().find(is_same).cloned()
}

fn import(stored: &mut Vec<KeyRecord>, records: Vec<KeyRecord>) -> Result<Imported, KeyError> {
    let before: HashMap<ApiKeyId, KeyDigest> = (stored.iter())
        .map(|record| (record.id, record.digest))
        .collect();
    let mut seen = HashSet::with_capacity(records.len());
    let mut imported = Imported::default();
    for record in records {
        record.check_texts()?;
        match before.get(&record.id) {
            _ if !seen.insert(record.id) => return Err(KeyError::Duplicate(record.id)),
            None => {
                stored.push(record);
                imported.stored += 1;
            }
            Some(digest) if *digest == record.digest => imported.skipped += 1,
            Some(_) => return Err(KeyError::Duplicate(record.id)),
        }
    }
    Ok(imported)
}
