use std::{
    collections::{HashMap, VecDeque},
    hash::BuildHasher,
    pin::Pin,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;
use futures_util::future::{Shared, WeakShared};
use portcullis_core::clock::Moment;

use super::{misses::Misses, settings::Settings};
use crate::{
    format::ApiKeyId,
    record::KeyRecord,
    store::StoreError,
    stored::{StoredKey, UseSink},
};

/// A fetch that all who look up the key share.
pub(super) type Flight = Shared<Fetch>;

type Fetch = Pin<Box<dyn Future<Output = Fetched> + Send>>;

/// The outcome of a fetch.
#[derive(Clone)]
pub(super) struct Fetched {
    pub(super) begun: Moment,
    pub(super) found: Result<Option<Arc<StoredKey>>, StoreError>,
}

/// The keys that were read from the store, and the fetches under way.
///
/// It keeps the newest record that it is told of, by revision, so a fetch that answers late does not undo a revocation. When a
/// shard is full, it evicts the key that was not used for longest, more or less: a key that was used since the last time gets a
/// second chance.
pub(super) struct Verdicts {
    hasher: RandomState,
    shards: Box<[RwLock<Shard>]>,
    max_per_shard: usize,
    next_flight: AtomicU64,
    misses: Misses,
    sink: Arc<dyn UseSink>,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<ApiKeyId, Entry, RandomState>,
    /// The ids of `entries`, in the order of eviction.
    order: VecDeque<ApiKeyId>,
    /// Callers choose the ids, so the hash resists collision attacks.
    flights: HashMap<ApiKeyId, FlightSlot>,
}

struct Entry {
    key: Arc<StoredKey>,
    /// When the fetch of this record, or of an equal one, began.
    read: Moment,
    was_used: AtomicBool,
}

struct FlightSlot {
    number: u64,
    begun: Moment,
    /// Weak: a fetch ends when nobody waits for it.
    flight: WeakShared<Fetch>,
    /// The newest record that was told of during the fetch.
    told: Option<Arc<StoredKey>>,
}

/// A fetch is over that another has replaced, or that began before all verdicts were dropped.
pub(super) struct Outdated;

impl Verdicts {
    const SHARDS: usize = 64;

    pub(super) fn new(max_entries: usize, misses: Misses, sink: Arc<dyn UseSink>) -> Self {
        Self {
            hasher: RandomState::default(),
            shards: (0..Self::SHARDS).map(|_| RwLock::default()).collect(),
            max_per_shard: max_entries.div_ceil(Self::SHARDS),
            next_flight: AtomicU64::new(0),
            misses,
            sink,
        }
    }

    /// The key, if it is cached and its `read` time suits.
    #[inline]
    pub(super) fn get(
        &self,
        id: &ApiKeyId,
        suits: impl FnOnce(Moment) -> bool,
    ) -> Option<Arc<StoredKey>> {
        let shard = read(self.shard(id));
        let entry = shard.entries.get(id).filter(|entry| suits(entry.read))?;
        if !entry.was_used.load(Ordering::Relaxed) {
            entry.was_used.store(true, Ordering::Relaxed);
        }
        Some(entry.key.clone())
    }

    pub(super) fn misses(&self) -> &Misses {
        &self.misses
    }

    /// The fetch of the key that is under way.
    pub(super) fn flight(&self, id: &ApiKeyId, now: Moment) -> Option<Flight> {
        read(self.shard(id)).flights.get(id)?.join(now)
    }

    /// Joins the fetch of the key, or begins one. `make` gets its number.
    pub(super) fn begin(
        &self,
        id: &ApiKeyId,
        now: Moment,
        make: impl FnOnce(u64) -> Flight,
    ) -> Flight {
        let number = self.next_flight.fetch_add(1, Ordering::Relaxed);
        let made = make(number);
        let mut shard = write(self.shard(id));
        let current = shard.flights.get(id).and_then(|slot| slot.join(now));
        let (Some(flight), None) = (made.downgrade(), &current) else {
            drop(shard); // Dropping `made` locks the shard.
            return current.unwrap_or(made);
        };
        let slot = FlightSlot {
            number,
            begun: now,
            flight,
            told: None,
        };
        shard.flights.insert(*id, slot);
        drop(shard);
        made
    }

    /// Forgets a fetch that nobody waits for any longer.
    pub(super) fn abandon(&self, id: &ApiKeyId, number: u64) {
        let mut shard = write(self.shard(id));
        if shard
            .flights
            .get(id)
            .is_some_and(|slot| slot.number == number)
        {
            shard.flights.remove(id);
        }
    }

    /// Ends a fetch, which began at `begun` and read `record`, and returns the newest version of the key.
    pub(super) fn settle(
        &self,
        id: &ApiKeyId,
        number: u64,
        record: Option<KeyRecord>,
        begun: Moment,
    ) -> Result<Option<Arc<StoredKey>>, Outdated> {
        let mut shard = write(self.shard(id));
        let slot = match shard.flights.remove(id) {
            Some(slot) if slot.number == number => slot,
            Some(other) => {
                shard.flights.insert(*id, other);
                return Err(Outdated);
            }
            None => return Err(Outdated),
        };
        if record.is_none() && slot.told.is_none() {
            shard.remove(id);
            // Under the lock of the shard, so that `apply` finds either the flight or the miss.
            self.misses.note(id, begun);
            return Ok(None);
        }
        let current = shard.entries.get(id).map(|entry| entry.key.clone());
        let mut newest = newer(current, slot.told);
        if let Some(record) = record
            && is_newer(&record, newest.as_ref())
        {
            newest = Some(self.stored(record));
        }
        if let Some(key) = &newest {
            shard.insert(key.clone(), begun, self.max_per_shard);
        }
        Ok(newest)
    }

    /// Takes over a change that the store told of.
    pub(super) fn apply(&self, record: &KeyRecord) {
        let id = &record.id;
        let mut shard = write(self.shard(id));
        let shard = &mut *shard;
        let entry = shard.entries.get_mut(id);
        let slot = shard.flights.get_mut(id);
        if entry.is_some() || slot.is_some() {
            let mut stored = None;
            let mut stored = || (stored.get_or_insert_with(|| self.stored(record.clone()))).clone();
            if let Some(entry) = entry.filter(|entry| is_newer(record, Some(&entry.key))) {
                entry.key = stored();
            }
            if let Some(slot) = slot.filter(|slot| is_newer(record, slot.told.as_ref())) {
                slot.told = Some(stored());
            }
        }
        self.misses.forget(id);
    }

    /// Drops everything. Fetches under way become [`Outdated`].
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            *write(shard) = Shard::default();
        }
        self.misses.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| read(shard).entries.len())
            .sum()
    }

    fn stored(&self, record: KeyRecord) -> Arc<StoredKey> {
        Arc::new(StoredKey::with_sink(record, self.sink.clone()))
    }

    fn shard(&self, id: &ApiKeyId) -> &RwLock<Shard> {
        // The upper bits, since the maps use the lower ones of another hash.
        &self.shards[(self.hasher.hash_one(id) >> 56) as usize % Self::SHARDS]
    }
}

impl FlightSlot {
    /// The fetch, unless it is over or takes too long: those who wait for it may have stopped polling it.
    fn join(&self, now: Moment) -> Option<Flight> {
        // A late fetch is not even upgraded: dropping the last handle of it would lock the shard again.
        let is_late = now.duration_since(self.begun) > Settings::QUERY_LIMIT;
        (!is_late).then(|| self.flight.upgrade())?
    }
}

impl Shard {
    fn insert(&mut self, key: Arc<StoredKey>, read: Moment, max: usize) {
        let id = key.record().id;
        if let Some(entry) = self.entries.get_mut(&id) {
            (entry.key, entry.read) = (key, read);
            return;
        }
        // Ends: a second round finds no key that was used.
        while self.entries.len() >= max
            && let Some(oldest) = self.order.pop_front()
        {
            let entry = self.entries.get_mut(&oldest);
            if entry.is_some_and(|entry| std::mem::take(entry.was_used.get_mut())) {
                self.order.push_back(oldest);
            } else {
                self.entries.remove(&oldest);
            }
        }
        let entry = Entry {
            key,
            read,
            was_used: AtomicBool::new(false),
        };
        self.entries.insert(id, entry);
        self.order.push_back(id);
    }

    fn remove(&mut self, id: &ApiKeyId) {
        if self.entries.remove(id).is_some() {
            self.order.retain(|other| other != id);
        }
    }
}

fn newer(one: Option<Arc<StoredKey>>, two: Option<Arc<StoredKey>>) -> Option<Arc<StoredKey>> {
    match (one, two) {
        (Some(one), Some(two)) if one.record().revision > two.record().revision => Some(one),
        (one, two) => two.or(one),
    }
}

fn is_newer(record: &KeyRecord, than: Option<&Arc<StoredKey>>) -> bool {
    than.is_none_or(|key| record.revision > key.record().revision)
}

fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<Shard>) -> RwLockWriteGuard<'_, Shard> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}
