//! The level that all threads share: a table of fixed size, read and written without locks.
//!
//! The table is cut into sets of eight slots. A hash names a set, and an entry lies in any slot of its set. A slot's tag
//! says which hash to expect in it; tag and entry are not changed together, so the tag is only a hint, and the entry
//! itself says whether it is the one.

use super::limits::CacheStatus;
use super::slot::{Arc, AtomicU64, AtomicUsize, Ordering, Slot};

/// How many slots an insertion looks at for bytes to free. Past that the new entry is not kept.
const SWEEP: usize = 64;

/// No hash is this: see [`tag`].
const EMPTY: u64 = 0;

/// What is kept.
pub(super) trait Cached {
    /// What it counts for.
    fn bytes(&self) -> usize;
}

pub(super) struct Shared<E, const WAYS: usize = 8> {
    sets: Box<[Set<E, WAYS>]>,
    /// What all entries count for. Raised before an entry goes in and lowered after one came out, so that it is never
    /// less than what is there.
    bytes: AtomicUsize,
    max_bytes: usize,
    /// Where the next search for bytes begins.
    sweep: AtomicUsize,
}

/// What decides about entries lies beside the slots, not in the entries: those that nobody asks for have long left the
/// processor's caches.
struct Set<E, const WAYS: usize> {
    tags: [AtomicU64; WAYS],
    /// A bit for each slot: whether what is in it was found since a search for room came by.
    used: AtomicUsize,
    /// Where the next search for a slot begins.
    hand: AtomicUsize,
    slots: [Slot<E>; WAYS],
}

impl<E: Cached, const WAYS: usize> Shared<E, WAYS> {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let sets = max_entries.div_ceil(WAYS).max(1);
        Self {
            sets: (0..sets).map(|_| Set::empty()).collect(),
            bytes: AtomicUsize::new(0),
            max_bytes,
            sweep: AtomicUsize::new(0),
        }
    }

    /// What `read` makes of the entry with this hash that `is_hit`.
    pub(super) fn get<R>(
        &self,
        hash: u64,
        is_hit: impl Fn(&E) -> bool,
        read: impl FnOnce(&Arc<E>) -> R,
    ) -> Option<R> {
        let set = self.set(hash);
        let tag = tag(hash);
        for (way, (of, slot)) in set.tags.iter().zip(&set.slots).enumerate() {
            if of.load(Ordering::Relaxed) == tag
                && let Some(entry) = slot.load().as_ref().filter(|entry| is_hit(entry))
            {
                set.mark_used(way);
                return Some(read(entry));
            }
        }
        None
    }

    /// Keeps an entry, in the place of an older one where it must be. It is not kept if there is no room for its bytes.
    pub(super) fn insert(&self, hash: u64, entry: Arc<E>) {
        let bytes = entry.bytes();
        if bytes > self.max_bytes {
            return;
        }
        let set = self.set(hash);
        let way = set.place_for(tag(hash));
        self.clear(&set.slots[way]);
        if !self.reserve(bytes) {
            return;
        }
        set.tags[way].store(tag(hash), Ordering::Relaxed);
        let replaced = set.slots[way].swap(Some(entry));
        self.release(replaced);
    }

    pub(super) fn status(&self) -> CacheStatus {
        let slots = self.sets.iter().flat_map(|set| &set.slots);
        CacheStatus {
            entries: slots.filter(|slot| slot.load().is_some()).count(),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    fn set(&self, hash: u64) -> &Set<E, WAYS> {
        // A multiplication in place of a division. The lower half of the hash chooses in the level before.
        let index = ((hash >> 32) * self.sets.len() as u64) >> 32;
        &self.sets[index as usize]
    }

    /// Makes room for so many bytes and takes them, or says that there are not enough to be had.
    fn reserve(&self, bytes: usize) -> bool {
        let mut after = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let mut looks = 0;
        while after > self.max_bytes {
            if looks == SWEEP {
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
                return false;
            }
            looks += 1;
            let position = self.sweep.fetch_add(1, Ordering::Relaxed) % (self.sets.len() * WAYS);
            let (set, way) = (&self.sets[position / WAYS], position % WAYS);
            if !set.take_use(1 << way) {
                self.clear(&set.slots[way]);
            }
            after = self.bytes.load(Ordering::Relaxed);
        }
        true
    }

    fn clear(&self, slot: &Slot<E>) {
        self.release(slot.swap(None));
    }

    fn release(&self, entry: Option<Arc<E>>) {
        if let Some(entry) = entry {
            self.bytes.fetch_sub(entry.bytes(), Ordering::Relaxed);
        }
    }
}

impl<E: Cached, const WAYS: usize> Set<E, WAYS> {
    fn empty() -> Self {
        Self {
            tags: std::array::from_fn(|_| AtomicU64::new(EMPTY)),
            used: AtomicUsize::new(0),
            hand: AtomicUsize::new(0),
            slots: std::array::from_fn(|_| Slot::empty()),
        }
    }

    /// The slot for an entry of this tag: the one that has it, else an empty one, else that of an entry which was not
    /// used since the last search came by.
    fn place_for(&self, tag: u64) -> usize {
        let with = |wanted| {
            self.tags
                .iter()
                .position(|tag| tag.load(Ordering::Relaxed) == wanted)
        };
        if let Some(way) = with(tag).or_else(|| with(EMPTY)) {
            return way;
        }
        let hand = self.hand.fetch_add(1, Ordering::Relaxed);
        (0..WAYS)
            .map(|offset| hand.wrapping_add(offset) % WAYS)
            .find(|way| !self.take_use(1 << way))
            .unwrap_or(hand % WAYS)
    }

    fn mark_used(&self, way: usize) {
        let bit = 1 << way;
        // Most of the time it is set already: reading shares the cache line, writing would not.
        if self.used.load(Ordering::Relaxed) & bit == 0 {
            self.used.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether a slot was used since this was last asked.
    fn take_use(&self, bit: usize) -> bool {
        let was_used = self.used.load(Ordering::Relaxed) & bit != 0;
        if was_used {
            self.used.fetch_and(!bit, Ordering::Relaxed);
        }
        was_used
    }
}

/// What a slot is marked with: a hash that is not [`EMPTY`].
fn tag(hash: u64) -> u64 {
    hash | 1
}
