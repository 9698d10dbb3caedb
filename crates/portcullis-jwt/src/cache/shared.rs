//! The level that all threads share: a table of fixed size, read and written without locks.
//!
//! The table is cut into sets of eight slots. A hash names a set, and an entry lies in any slot of its set. A slot's tag
//! says which hash to expect in it, and until when; neither is changed together with the entry, so both are only hints,
//! and the entry itself says whether it is the one.
//!
//! What is new takes the place of nothing, or of what is over. Where the time of all that is there has not come, it is
//! turned away the first time, and its tag is noted: tokens that are sent once make nobody's be forgotten, and have no
//! entry made that is not asked for again.

use super::limits::CacheStatus;
use super::slot::{Arc, AtomicU32, AtomicUsize, Ordering, Slot};

/// How many slots an insertion looks at for bytes to free. Past that the new entry is not kept.
const SWEEP: usize = 64;

/// No hash has this tag: see [`tag`].
const NO_TAG: u32 = 0;

/// The end of what is not there: long past.
const OVER: u32 = 0;

/// What is kept.
pub(super) trait Cached {
    /// What it counts for.
    fn bytes(&self) -> usize;
}

/// An entry that is to be kept, before it is made.
pub(super) struct Newcomer {
    pub(super) hash: u64,
    /// What it will count for.
    pub(super) bytes: usize,
    /// The second from which on nobody can want it.
    pub(super) until: u32,
}

pub(super) struct Shared<E, const WAYS: usize = 8> {
    sets: Box<[Set<E, WAYS>]>,
    /// What all entries count for, never more than `max_bytes`. Raised before an entry goes in and lowered after one came
    /// out, so that it is never less than what is there.
    bytes: AtomicUsize,
    max_bytes: usize,
    /// Where the next search for bytes begins.
    sweep: AtomicUsize,
}

/// What decides about entries lies beside the slots, not in the entries: those that nobody asks for have long left the
/// processor's caches.
#[repr(C, align(64))]
struct Set<E, const WAYS: usize> {
    tags: [AtomicU32; WAYS],
    until: [AtomicU32; WAYS],
    slots: [Slot<E>; WAYS],
    /// The tags of those that were turned away last.
    turned_away: [AtomicU32; WAYS],
    /// Where the next of them is noted.
    next_note: AtomicU32,
    /// A bit for each slot: whether what is in it was found since a search for room came by.
    used: AtomicU32,
    /// Where the next search for a slot begins.
    hand: AtomicU32,
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

    /// Keeps an entry, which is made if there is room in the second `now`: where nothing is or what is over, or, if it was
    /// turned away before, where something is that was not used of late, if there is such.
    pub(super) fn insert(&self, newcomer: &Newcomer, now: u32, make: impl FnOnce() -> Arc<E>) {
        let &Newcomer { hash, bytes, until } = newcomer;
        if bytes > self.max_bytes {
            return;
        }
        let set = self.set(hash);
        let tag = tag(hash);
        let is_back = set.has_turned_away(tag);
        let Some(way) = set.place_for(tag, now, is_back) else {
            return set.note(tag);
        };
        // From here on it looks taken, and by this one: whoever brings another chooses another, and whoever brings the same
        // comes to the same.
        set.tags[way].store(tag, Ordering::Relaxed);
        set.until[way].store(until, Ordering::Relaxed);
        set.take_use(way);
        self.release(set.slots[way].swap(None));
        if !self.reserve(bytes, now, is_back) {
            set.mark_over(way, until);
            return set.note(tag);
        }
        self.release(set.slots[way].swap(Some(make())));
    }

    pub(super) fn status(&self) -> CacheStatus {
        let slots = self.sets.iter().flat_map(|set| &set.slots);
        CacheStatus {
            entries: slots.filter(|slot| slot.load().is_some()).count(),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    fn set(&self, hash: u64) -> &Set<E, WAYS> {
        // A multiplication in place of a division. The lower half of the hash is the tag, and chooses in the level
        // before.
        let index = ((hash >> 32) * self.sets.len() as u64) >> 32;
        &self.sets[index as usize]
    }

    /// Makes room for so many bytes and takes them, or says that there are not enough to be had. What still lives goes
    /// only if `is_back`.
    fn reserve(&self, bytes: usize, now: u32, is_back: bool) -> bool {
        let mut looks = SWEEP;
        while !self.take(bytes) {
            if !self.free_one(&mut looks, now, is_back) {
                return false;
            }
        }
        true
    }

    /// Takes so many bytes, if there are.
    fn take(&self, bytes: usize) -> bool {
        let sum = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.max_bytes);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.bytes.fetch_update(set, fetch, sum).is_ok()
    }

    /// Whether an entry went, of those in the next so many slots.
    fn free_one(&self, looks: &mut usize, now: u32, is_back: bool) -> bool {
        while *looks > 0 {
            *looks -= 1;
            let position = self.sweep.fetch_add(1, Ordering::Relaxed) % (self.sets.len() * WAYS);
            let (set, way) = (&self.sets[position / WAYS], position % WAYS);
            // What is not there looks as what is over does.
            let may_go = set.is_over(way, now) || is_back && !set.take_use(way);
            if may_go && set.slots[way].load().is_some() {
                let freed = set.slots[way].swap(None);
                // What came in between has gone too, if it was not on its way in yet: that only looks free.
                set.mark_over(way, set.until[way].load(Ordering::Relaxed));
                if freed.is_some() {
                    self.release(freed);
                    return true;
                }
            }
        }
        false
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
            tags: std::array::from_fn(|_| AtomicU32::new(NO_TAG)),
            until: std::array::from_fn(|_| AtomicU32::new(OVER)),
            slots: std::array::from_fn(|_| Slot::empty()),
            turned_away: std::array::from_fn(|_| AtomicU32::new(NO_TAG)),
            next_note: AtomicU32::new(0),
            used: AtomicU32::new(0),
            hand: AtomicU32::new(0),
        }
    }

    /// The slot for an entry of this tag: the one that has it, else one that is free, else, if it `is_back`, that of an
    /// entry which was not used since the last search came by, or of any where all were.
    fn place_for(&self, tag: u32, now: u32, is_back: bool) -> Option<usize> {
        let is_tagged = |way: &usize| self.tags[*way].load(Ordering::Relaxed) == tag;
        (0..WAYS)
            .find(is_tagged)
            .or_else(|| (0..WAYS).find(|way| self.is_over(*way, now)))
            .or_else(|| is_back.then(|| self.least_used()))
    }

    fn least_used(&self) -> usize {
        let hand = self.hand.fetch_add(1, Ordering::Relaxed) as usize;
        (0..WAYS)
            .map(|offset| hand.wrapping_add(offset) % WAYS)
            .find(|way| !self.take_use(*way))
            .unwrap_or(hand % WAYS)
    }

    /// Whether there is nothing, or nothing that anyone can want.
    fn is_over(&self, way: usize, now: u32) -> bool {
        self.until[way].load(Ordering::Relaxed) <= now
    }

    /// Shows that nothing is there; but not, as far as can be told, where something has come since this end was read.
    fn mark_over(&self, way: usize, until: u32) {
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let _ = self.until[way].compare_exchange(until, OVER, set, fetch);
    }

    fn has_turned_away(&self, tag: u32) -> bool {
        let mut tags = self.turned_away.iter();
        tags.any(|noted| noted.load(Ordering::Relaxed) == tag)
    }

    fn note(&self, tag: u32) {
        if self.has_turned_away(tag) {
            return;
        }
        let next = self.next_note.fetch_add(1, Ordering::Relaxed) as usize;
        self.turned_away[next % WAYS].store(tag, Ordering::Relaxed);
    }

    fn mark_used(&self, way: usize) {
        let bit = 1 << way;
        // Most of the time it is set already: reading shares the cache line, writing would not.
        if self.used.load(Ordering::Relaxed) & bit == 0 {
            self.used.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether a slot was used since this was last asked.
    fn take_use(&self, way: usize) -> bool {
        let bit = 1 << way;
        let was_used = self.used.load(Ordering::Relaxed) & bit != 0;
        if was_used {
            self.used.fetch_and(!bit, Ordering::Relaxed);
        }
        was_used
    }
}

/// What a slot is marked with: the half of the hash that does not choose the set.
fn tag(hash: u64) -> u32 {
    hash as u32 | 1
}
