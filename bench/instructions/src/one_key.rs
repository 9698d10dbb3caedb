//! A store with one key, as a database would answer.

use async_trait::async_trait;
use portcullis_api_key::{
    ApiKeyId, CachedStore, KeyRecord, KeySource, KeyStore, KeyUse, Lookup, Position, Seen,
    StoreError,
};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

use crate::Fixed;

struct OneKey(KeyRecord);

/// A cache that has the key. Its tasks rest, as nothing drives the runtime.
///
/// # Panics
///
/// Never: the store answers.
pub(crate) fn cached(record: KeyRecord) -> (CachedStore, Runtime) {
    const NEVER: Duration = Duration::from_secs(1 << 40);

    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let id = record.id;
    let store = runtime.block_on(async {
        let store = CachedStore::builder(OneKey(record)).clock(Fixed::shared());
        let store = store.reachable_bound(NEVER).unreachable_bound(NEVER);
        let store = store.start().await.expect("the store answers");
        if let Lookup::Pending(pending) = store.lookup(&id) {
            pending.await.expect("the store answers");
        }
        store
    });
    (store, runtime)
}

#[async_trait]
impl KeySource for OneKey {
    fn name(&self) -> String {
        "one key".to_owned()
    }

    async fn fetch(&self, _: &ApiKeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(Some(self.0.clone()))
    }

    async fn ids(&self, after: Option<&ApiKeyId>, _: usize) -> Result<Vec<ApiKeyId>, StoreError> {
        Ok(match after {
            None => vec![self.0.id],
            Some(_) => Vec::new(),
        })
    }

    async fn position(&self, _: Option<&Position>) -> Result<Seen, StoreError> {
        let position = Position {
            revision: self.0.revision,
            mark: 0,
            restores: 0,
        };
        Ok(Seen {
            position,
            continues: true,
            is_unconfirmed: false,
        })
    }

    async fn changes(&self, _: u64, _: usize) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn report_restore(&self, _: &Position) -> Result<(), StoreError> {
        Ok(())
    }

    async fn record_uses(&self, _: &[KeyUse]) -> Result<(), StoreError> {
        Ok(())
    }
}
