use std::{fmt, sync::Arc, time::Duration};

use portcullis_core::{
    ConfigError,
    clock::{Deadline, SharedClock},
};
use portcullis_worker::{Task, Worker, current_runtime};

use super::{
    feed::Feed,
    flush::{self, Flush},
    listen::{self, Listener},
    manage::Managed,
    misses::Misses,
    push::Push,
    settings::Settings,
    shared::Shared,
    store::{CachedStore, Inner},
    sync::{self, Sync},
    uses::UseQueue,
    verdicts::Verdicts,
};
use crate::{
    manage::KeyManager,
    source::{Bus, KeySource},
    store::StoreError,
};

/// Builds a [`CachedStore`].
#[must_use]
pub struct CachedStoreBuilder {
    source: Arc<dyn KeySource>,
    bus: Option<Arc<dyn Bus>>,
    settings: Settings,
}

/// Why a [`CachedStore`] could not be started.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CachedStoreError {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store could not be read.
    #[error(
        "the key store {store} could not be read: {source}: see that it can be reached, and start the service again"
    )]
    Store {
        /// The store's name.
        store: String,
        /// The last error.
        source: StoreError,
    },
}

portcullis_core::debug_as_report!(CachedStoreError);

impl CachedStore {
    /// Builds a cache before `source`.
    pub fn builder(source: impl KeySource) -> CachedStoreBuilder {
        CachedStoreBuilder {
            source: Arc::new(source),
            bus: None,
            settings: Settings::default(),
        }
    }

    /// Changes keys by `manager`, which must manage the store that is cached. A change takes effect in this process before the
    /// call returns, and in the other instances as soon as the bus delivers the news of it.
    pub fn manage<M: KeyManager>(&self, manager: M) -> impl KeyManager + Clone + use<M> {
        Managed {
            cache: self.clone(),
            manager: Arc::new(manager),
        }
    }
}

impl CachedStoreBuilder {
    /// Hears of changes over `bus`; without one, changes take effect by polling.
    pub fn bus(mut self, bus: impl Bus) -> Self {
        self.bus = Some(Arc::new(bus));
        self
    }

    /// Sets how long a revoked key may be accepted while the store can be reached; 5 s by default, 2 s at least.
    pub fn reachable_bound(mut self, bound: Duration) -> Self {
        self.settings.reachable_bound = bound;
        self
    }

    /// Sets how long keys that were used before are accepted while the store cannot be reached; 15 min by default.
    pub fn unreachable_bound(mut self, bound: Duration) -> Self {
        self.settings.unreachable_bound = bound;
        self
    }

    /// Sets how many unknown ids are looked up in the store per second; 200 by default. It applies while no bus delivers.
    pub fn miss_limit(mut self, per_second: u32) -> Self {
        self.settings.miss_limit = per_second;
        self
    }

    /// Sets how many keys are kept in memory, about; 100,000 by default.
    pub fn max_entries(mut self, max: usize) -> Self {
        self.settings.max_entries = max;
        self
    }

    /// Sets how long [`start`](Self::start) tries to read the store, and how long one of its queries may take; 10 s by default.
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.settings.start_limit = limit;
        self
    }

    /// Sets the clock; the system's by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Reads the ids of all keys, and starts the tasks on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When a setting is invalid, the call is outside of a tokio runtime, or the store cannot be read within the
    /// [limit](Self::start_limit): a service must not start without its keys.
    pub async fn start(self) -> Result<CachedStore, CachedStoreError> {
        self.settings.check()?;
        let runtime = current_runtime("CachedStoreBuilder::start")?;
        let clock = self.settings.clock.clone();
        let settings = Arc::new(self.settings);
        let uses = Arc::new(UseQueue::new(settings.max_entries));
        let misses = Misses::new(settings.miss_limit);
        let verdicts = Verdicts::new(settings.max_entries, misses, uses.clone());
        let shared = Arc::new(Shared::new(settings, self.source, verdicts));

        let feed = Feed::new(shared.settings.clone(), shared.name.clone());
        let (sync_worker, sync_task) = Worker::new(feed, clock.clone(), runtime.clone());
        let mut sync = Sync::new(shared.clone());
        load(&mut sync, &sync_task, &shared).await?;
        sync_task.spawn(|task| sync::run(task, sync));

        let flush = Flush::new(shared.name.clone());
        let (flush, flush_task) = Worker::new(flush, clock.clone(), runtime.clone());
        let source = shared.source.clone();
        flush_task.spawn(|task| flush::run(task, source, uses));

        let push = self.bus.clone().map(|bus| {
            let push = Push::new(bus.name().into(), clock.now());
            let (worker, task) = Worker::new(push, clock, runtime);
            let listener = Listener {
                bus,
                shared: shared.clone(),
                sync: sync_worker.clone(),
            };
            task.spawn(|task| listen::run(task, listener));
            worker
        });
        Ok(CachedStore::new(Inner {
            shared,
            sync: sync_worker,
            push,
            flush,
            bus: self.bus,
        }))
    }
}

/// Tries to read the store until the limit.
async fn load(sync: &mut Sync, task: &Task<Feed>, shared: &Shared) -> Result<(), CachedStoreError> {
    const RETRY_INTERVAL: Duration = Duration::from_millis(500);

    let limit = shared.settings.start_limit;
    let end = Deadline::after(task.now(), limit);
    loop {
        let source = match sync.start(task, limit).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if end.left(task.now()) <= RETRY_INTERVAL {
            let store = shared.name.to_string();
            return Err(CachedStoreError::Store { store, source });
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

impl fmt::Debug for CachedStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStoreBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
