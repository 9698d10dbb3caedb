//! The level of each thread: a few hot tokens, with principals that no other thread uses.
//!
//! A thread has 64 slots, and the hash of a token chooses one. A token is copied here when the thread finds it in the shared
//! level twice, with no other token of that slot in between. Cloning a principal then does not contend with other threads for its reference count.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use super::entry::Entry;
use crate::VerifiedToken;

const SLOTS: usize = 64;

thread_local! {
    static THREAD_SLOTS: [Slot; SLOTS] = const { [const { Slot::empty() }; SLOTS] };
}

struct Slot {
    copy: RefCell<Option<EntryCopy>>,
    /// The hash of the last token of this slot that was found in the shared level. A hit of the slot's copy clears it:
    /// another token must then be found twice in a row in the shared level before it replaces the copy.
    candidate: Cell<u64>,
}

struct EntryCopy {
    cache_id: u64,
    hash: u64,
    entry: Arc<Entry>,
    verified: VerifiedToken,
}

/// Applies `read` to the token with this hash if it is here and `is_hit`.
#[inline]
pub(super) fn get<R>(
    cache_id: u64,
    hash: u64,
    is_hit: impl FnOnce(&Entry) -> bool,
    read: impl FnOnce(&VerifiedToken) -> R,
) -> Option<R> {
    with_slot(hash, |slot| {
        let copy = slot.copy.try_borrow().ok()?;
        let copy = copy
            .as_ref()
            .filter(|copy| copy.cache_id == cache_id && copy.hash == hash && is_hit(&copy.entry))?;
        slot.candidate.set(0);
        Some(read(&copy.verified))
    })
}

/// Called on each hit of the shared level. Copies the token to this thread on the second hit in a row.
pub(super) fn offer(cache_id: u64, hash: u64, entry: &Arc<Entry>) {
    let evicted = with_slot(hash, |slot| {
        if slot.candidate.replace(hash) != hash {
            return None;
        }
        let copy = EntryCopy {
            cache_id,
            hash,
            entry: entry.clone(),
            verified: entry.verified.unshared(),
        };
        slot.copy.try_borrow_mut().ok()?.replace(copy)
    });
    // Dropped outside of the borrow: the destructor of custom claims may use this cache.
    drop(evicted);
}

/// Calls `f` with the slot of `hash`. Returns `None` without a call while the thread ends.
fn with_slot<T>(hash: u64, f: impl FnOnce(&Slot) -> Option<T>) -> Option<T> {
    THREAD_SLOTS
        .try_with(|slots| f(&slots[hash as usize % SLOTS]))
        .ok()?
}

impl Slot {
    const fn empty() -> Self {
        Self {
            copy: RefCell::new(None),
            candidate: Cell::new(0),
        }
    }
}
