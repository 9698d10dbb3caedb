//! A cache before a simulated store.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::{sync::Arc, time::Duration};

use portcullis_api_key::{
    ApiKeyId, CachedStore, CachedStoreBuilder, KeyMaker, KeyStore, Lookup, NewKey, PushState,
    StoreError, StoredKey,
};
use tokio::time::sleep;

use super::{
    ManualClock,
    simulated::{Faults, SimulatedBus, SimulatedStore},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct World {
    pub(crate) source: SimulatedStore,
    pub(crate) bus: SimulatedBus,
    pub(crate) clock: ManualClock,
    pub(crate) maker: KeyMaker,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        let maker = KeyMaker {
            clock: Arc::new(clock.clone()),
            peppers: None,
        };
        Self {
            source: SimulatedStore::default(),
            bus: SimulatedBus::default(),
            clock,
            maker,
        }
    }

    pub(crate) fn builder(&self) -> CachedStoreBuilder {
        CachedStore::builder(self.source.clone()).clock(Arc::new(self.clock.clone()))
    }

    pub(crate) async fn polling(&self) -> CachedStore {
        self.builder().start().await.expect("started")
    }

    pub(crate) async fn pushed(&self) -> CachedStore {
        let store = self.builder().bus(self.bus.clone()).start().await;
        let store = store.expect("started");
        while !delivers(&store) {
            self.pass(SECOND / 10).await;
        }
        store
    }

    pub(crate) fn create(&self) -> ApiKeyId {
        self.source
            .create(&self.maker, NewKey::new("a"))
            .record()
            .id
    }

    /// Lets time pass on both clocks.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        sleep(time).await;
    }

    pub(crate) async fn pass_seconds(&self, seconds: u32) {
        for _ in 0..seconds {
            self.pass(SECOND).await;
        }
    }

    pub(crate) fn break_down(&self) {
        self.source.set_faults(Faults {
            is_down: true,
            ..Faults::default()
        });
    }
}

pub(crate) fn delivers(store: &CachedStore) -> bool {
    matches!(store.status().push, Some(PushState::Delivers { .. }))
}

pub(crate) async fn look_up(
    store: &CachedStore,
    id: &ApiKeyId,
) -> Result<Option<Arc<StoredKey>>, StoreError> {
    match store.lookup(id) {
        Lookup::Ready(found) => found,
        Lookup::Pending(pending) => pending.await,
    }
}

/// 200, 401 or 503, as the scheme would answer a right secret.
pub(crate) async fn status(store: &CachedStore, id: &ApiKeyId) -> u16 {
    match look_up(store, id).await {
        Ok(Some(key)) if key.record().revoked_at.is_none() => 200,
        Ok(_) => 401,
        Err(_) => 503,
    }
}

pub(crate) fn unknown() -> ApiKeyId {
    let issued = KeyMaker::default().issue(NewKey::new("a"));
    issued.expect("a key").record().id
}
