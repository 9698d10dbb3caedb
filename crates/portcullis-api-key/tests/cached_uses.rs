//! Uses of keys on their way through the cache to the store, and changes that are made through the cache.

#![cfg(feature = "cached")]

mod support;

use std::{sync::Arc, time::Duration};

use portcullis_api_key::{
    ApiKeys, CachedStore, IssuedKey, KeyMaker, KeyManager, KeyStore, Lookup, NewKey, PushState,
};
use support::{
    Answer, ManualClock, NOW, send_key,
    simulated::{BusFault, Faults, SimulatedBus, SimulatedManager, SimulatedStore},
};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

struct World {
    source: SimulatedStore,
    bus: SimulatedBus,
    manager: SimulatedManager,
}

impl World {
    fn new() -> Self {
        let source = SimulatedStore::default();
        let manager = SimulatedManager {
            store: source.clone(),
            maker: KeyMaker {
                clock: Arc::new(ManualClock::new()),
                peppers: None,
            },
        };
        Self {
            source,
            bus: SimulatedBus::default(),
            manager,
        }
    }

    async fn start(&self) -> CachedStore {
        let store = CachedStore::builder(self.source.clone()).bus(self.bus.clone());
        let store = store.start().await.expect("started");
        while !matches!(store.status().push, Some(PushState::Delivers { .. })) {
            sleep(SECOND / 10).await;
        }
        store
    }

    fn issue(&self) -> IssuedKey {
        self.source.create(&self.manager.maker, NewKey::new("a"))
    }

    /// The uses that the store was told of.
    fn recorded(&self, key: &IssuedKey) -> u64 {
        let state = self.source.lock();
        let uses = state.uses.iter().filter(|uses| uses.id == key.key().id());
        uses.map(|uses| uses.count).sum()
    }

    fn set_down(&self, is_down: bool) {
        self.source.set_faults(Faults {
            is_down,
            ..Faults::default()
        });
    }
}

async fn use_key(store: &CachedStore, key: &IssuedKey) -> Answer {
    let keys = ApiKeys::builder(store.clone()).clock(Arc::new(ManualClock::new()));
    let keys = keys.build().expect("valid settings");
    send_key(&keys, key.key().expose()).await
}

#[tokio::test(start_paused = true)]
async fn uses_are_recorded_within_10_s() {
    let world = World::new();
    let (one, two) = (world.issue(), world.issue());
    let store = world.start().await;
    for _ in 0..3 {
        assert_eq!(use_key(&store, &one).await.status, 200);
    }
    use_key(&store, &two).await;
    assert_eq!(world.recorded(&one), 0);
    sleep(11 * SECOND).await;
    assert_eq!((world.recorded(&one), world.recorded(&two)), (3, 1));
    assert_eq!(world.source.lock().uses[0].last_used_at, NOW);
    use_key(&store, &two).await;
    store.shut_down().await.expect("recorded");
    assert_eq!((world.recorded(&one), world.recorded(&two)), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn uses_during_an_outage_are_recorded_after_it() {
    let world = World::new();
    let key = world.issue();
    let store = world.start().await;
    assert_eq!(use_key(&store, &key).await.status, 200);
    world.set_down(true);
    assert!(store.flush_uses().await.is_err());
    assert_eq!(use_key(&store, &key).await.status, 200);
    sleep(60 * SECOND).await;
    assert!(store.status().uses_error.is_some());
    assert_eq!(world.recorded(&key), 0);
    world.set_down(false);
    sleep(61 * SECOND).await;
    assert_eq!(world.recorded(&key), 2);
    assert_eq!(store.status().uses_error, None);
}

#[tokio::test(start_paused = true)]
async fn refused_requests_are_not_counted() {
    let world = World::new();
    let key = world.issue();
    let store = world.start().await;
    world.source.revoke(&key.key().id(), NOW);
    assert_eq!(use_key(&store, &key).await.status, 401);
    store.flush_uses().await.expect("recorded");
    assert_eq!(world.recorded(&key), 0);
}

#[tokio::test(start_paused = true)]
async fn change_takes_effect_here_at_once_and_elsewhere_by_push() {
    let world = World::new();
    let (here, there) = (world.start().await, world.start().await);
    let manager = here.manage(world.manager.clone());
    let created = manager.create(NewKey::new("a")).await.expect("created");
    let id = created.record().id;
    assert!(
        matches!(here.lookup(&id), Lookup::Pending(_)),
        "it is known"
    );
    sleep(SECOND / 100).await;
    let Lookup::Pending(pending) = there.lookup(&id) else {
        panic!("it is not known")
    };
    assert!(pending.await.expect("an answer").is_some());
    let successor = manager.rotate(&id, SECOND).await.expect("rotated");
    sleep(SECOND / 100).await;
    assert_eq!(use_key(&there, &successor).await.status, 200);

    manager.revoke(&id, None).await.expect("revoked");
    sleep(SECOND / 100).await;
    for store in [&here, &there] {
        let Lookup::Ready(Ok(Some(key))) = store.lookup(&id) else {
            continue;
        };
        assert!(key.record().revoked_at.is_some());
    }
    let imported = manager.import(vec![
        world
            .manager
            .maker
            .issue(NewKey::new("b"))
            .expect("a key")
            .record()
            .clone(),
    ]);
    assert_eq!(imported.await.expect("imported").stored, 1);
    assert_eq!(there.status().keys, 2);
    sleep(SECOND / 100).await;
    assert_eq!(there.status().keys, 3);
}

#[tokio::test(start_paused = true)]
async fn change_succeeds_although_store_and_bus_fail_after_it() {
    let world = World::new();
    let key = world.issue();
    let store = world.start().await;
    assert_eq!(use_key(&store, &key).await.status, 200);
    world.source.set_faults(Faults {
        before: 3 * SECOND,
        ..Faults::default()
    });
    world.bus.set_fault(BusFault::Down);
    let manager = store.manage(world.manager.clone());
    manager
        .revoke(&key.key().id(), None)
        .await
        .expect("revoked");
    assert_eq!(use_key(&store, &key).await.status, 401);
}

#[tokio::test]
async fn clone_of_a_manager_keeps_the_cache() {
    fn is_manager<T: KeyManager + Clone>(_: &T) {}
    let world = World::new();
    let store = world.start().await;
    let manager = store.manage(world.manager.clone());
    is_manager(&manager);
    drop(store);
    let created = Arc::new(manager.clone()).create(NewKey::new("a")).await;
    assert!(created.is_ok());
}
