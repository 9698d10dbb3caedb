use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use portcullis_api_key::{ApiKeyId, CachedStore, KeyMaker, PendingLookup};
use portcullis_core::clock::Clock;
use tokio::time::sleep;

use crate::{
    random::Random,
    support::{
        ManualClock,
        cache_model::Model,
        simulated::{SimulatedBus, SimulatedStore},
    },
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Three caches before one store.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) store: SimulatedStore,
    pub(crate) bus: SimulatedBus,
    pub(crate) clock: ManualClock,
    pub(crate) maker: KeyMaker,
    /// The first has room for all keys, the second for few; the third has no bus.
    pub(crate) caches: [CachedStore; 3],
    pub(crate) model: Model,
    pub(crate) ids: Vec<ApiKeyId>,
    pub(crate) held: VecDeque<(ApiKeyId, PendingLookup)>,
    /// Keys that the first cache has.
    pub(crate) cached: BTreeSet<ApiKeyId>,
    pub(crate) last_jump: Duration,
    pub(crate) last_set_back: Duration,
    pub(crate) accepted: usize,
    pub(crate) refused: usize,
    pub(crate) done: VecDeque<String>,
}

impl World {
    pub(crate) async fn start(seed: u64) -> Self {
        let (store, bus, clock) = (
            SimulatedStore::default(),
            SimulatedBus::default(),
            ManualClock::new(),
        );
        let shared_clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let start = async |has_bus, max_entries| {
            let cache = CachedStore::builder(store.clone())
                .clock(shared_clock.clone())
                .max_entries(max_entries);
            let cache = if has_bus {
                cache.bus(bus.clone())
            } else {
                cache
            };
            cache.start().await.expect("started")
        };
        let caches = [
            start(true, 100_000).await,
            start(true, 1).await,
            start(false, 100_000).await,
        ];
        let mut model = Model::default();
        model.set_store(true, true);
        Self {
            random: Random(seed),
            store,
            bus,
            clock: clock.clone(),
            maker: KeyMaker {
                clock: shared_clock,
                peppers: None,
            },
            caches,
            model,
            ids: Vec::new(),
            held: VecDeque::new(),
            cached: BTreeSet::new(),
            last_jump: Duration::ZERO,
            last_set_back: Duration::ZERO,
            accepted: 0,
            refused: 0,
            done: VecDeque::new(),
        }
    }

    pub(crate) fn note(&mut self, what: String) {
        self.done.push_back(format!("{:?} {what}", self.model.now));
        if self.done.len() > 40 {
            self.done.pop_front();
        }
    }

    /// Lets time pass on all clocks.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let step = if time > 60 * SECOND {
            SECOND
        } else {
            SECOND / 10
        };
        let mut left = time;
        while !left.is_zero() {
            let part = left.min(step);
            left -= part;
            self.clock.advance(part);
            sleep(part).await;
            self.model.now += part;
        }
    }
}
