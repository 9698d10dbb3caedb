use std::time::Duration;

use async_trait::async_trait;
use portcullis_api_key::{
    ApiKeyId, Created, Imported, IssuedKey, KeyMaker, KeyManager, KeyPage, KeyQuery, KeyRecord,
    ManageError, NewKey,
};
use portcullis_core::clock::UnixTime;

use super::SimulatedStore;

/// Manages the keys of a simulated store.
#[derive(Clone)]
pub(crate) struct SimulatedManager {
    pub(crate) store: SimulatedStore,
    pub(crate) maker: KeyMaker,
}

impl SimulatedManager {
    fn is_up(&self) -> Result<(), ManageError> {
        match self.store.lock().faults.is_down {
            true => Err(ManageError::Store("connection refused".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl KeyManager for SimulatedManager {
    async fn create(&self, new: NewKey) -> Result<Created, ManageError> {
        self.is_up()?;
        Ok(Created::New(self.store.create(&self.maker, new)))
    }

    async fn import(&self, records: Vec<KeyRecord>) -> Result<Imported, ManageError> {
        self.is_up()?;
        let stored = records.len() as u64;
        for record in records {
            self.store.lock().put(record);
        }
        Ok(Imported { stored, skipped: 0 })
    }

    async fn get(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, ManageError> {
        self.is_up()?;
        Ok(self.store.lock().records.get(id).cloned())
    }

    async fn page(&self, query: &KeyQuery) -> Result<KeyPage, ManageError> {
        self.is_up()?;
        Ok(query.select(self.store.lock().records.values()))
    }

    async fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, ManageError> {
        self.is_up()?;
        Ok(self.store.rotate(&self.maker, id, grace))
    }

    async fn revoke(&self, id: &ApiKeyId, _: Option<&str>) -> Result<KeyRecord, ManageError> {
        self.is_up()?;
        self.store.revoke(id, self.maker.clock.now());
        Ok(self.store.lock().records[id].clone())
    }

    async fn purge(&self, ended_before: UnixTime) -> Result<u64, ManageError> {
        self.is_up()?;
        let mut state = self.store.lock();
        let before = state.records.len();
        state
            .records
            .retain(|_, record| !record.ended_before(ended_before));
        Ok((before - state.records.len()) as u64)
    }
}
