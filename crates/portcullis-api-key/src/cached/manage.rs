use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use portcullis_core::clock::UnixTime;

use super::store::CachedStore;
use crate::{
    format::ApiKeyId,
    issue::{IssuedKey, NewKey},
    manage::{Created, Imported, KeyManager, KeyPage, KeyQuery, ManageError},
    record::KeyRecord,
};

/// Changes the store of a cache, so that the change takes effect in this process before the call returns, and in all others
/// as soon as the bus delivers it.
#[derive(Debug)]
pub(super) struct Managed<M> {
    pub(super) cache: CachedStore,
    pub(super) manager: Arc<M>,
}

impl<M> Clone for Managed<M> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            manager: self.manager.clone(),
        }
    }
}

#[async_trait]
impl<M: KeyManager> KeyManager for Managed<M> {
    async fn create(&self, new: NewKey) -> Result<Created, ManageError> {
        let created = self.manager.create(new).await?;
        self.cache.take_over_own(Some(created.record())).await;
        Ok(created)
    }

    async fn import(&self, records: Vec<KeyRecord>) -> Result<Imported, ManageError> {
        let imported = self.manager.import(records).await?;
        self.cache.take_over_own(None).await;
        Ok(imported)
    }

    async fn get(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, ManageError> {
        self.manager.get(id).await
    }

    async fn page(&self, query: &KeyQuery) -> Result<KeyPage, ManageError> {
        self.manager.page(query).await
    }

    async fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, ManageError> {
        let new = self.manager.rotate(id, grace).await?;
        self.cache.take_over_own(Some(new.record())).await;
        Ok(new)
    }

    async fn revoke(&self, id: &ApiKeyId, reason: Option<&str>) -> Result<KeyRecord, ManageError> {
        let revoked = self.manager.revoke(id, reason).await?;
        self.cache.take_over_own(Some(&revoked)).await;
        Ok(revoked)
    }

    async fn purge(&self, ended_before: UnixTime) -> Result<u64, ManageError> {
        self.manager.purge(ended_before).await
    }
}
