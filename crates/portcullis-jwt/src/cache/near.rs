//! The level of each thread: the few tokens it sees most, with principals that are its own.
//!
//! A token that was found in the shared level twice, with nothing else in its place in between, is copied here. A
//! clone of its principal then touches a reference count that other threads leave alone.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use super::entry::Entry;
use crate::VerifiedToken;

/// How many tokens a thread holds; a hash has one place.
const PLACES: usize = 64;

thread_local! {
    static PLACES_HERE: [Place; PLACES] = const { [const { Place::empty() }; PLACES] };
}

struct Place {
    held: RefCell<Option<Held>>,
    /// The hash of the token that was looked for here last, and found in the shared level. A hit in this place clears
    /// it, so that two tokens that share a place do not drive each other out with each request.
    candidate: Cell<u64>,
}

struct Held {
    cache: u64,
    hash: u64,
    entry: Arc<Entry>,
    verified: VerifiedToken,
}

/// What `read` makes of the token with this hash, if it is here and `is_hit`.
#[inline]
pub(super) fn get<R>(
    cache: u64,
    hash: u64,
    is_hit: impl FnOnce(&Entry) -> bool,
    read: impl FnOnce(&VerifiedToken) -> R,
) -> Option<R> {
    with_place(hash, |place| {
        let held = place.held.try_borrow().ok()?;
        let held = held
            .as_ref()
            .filter(|held| held.cache == cache && held.hash == hash && is_hit(&held.entry))?;
        place.candidate.set(0);
        Some(read(&held.verified))
    })
}

/// Tells that a token was found in the shared level.
pub(super) fn offer(cache: u64, hash: u64, entry: &Arc<Entry>) {
    let replaced = with_place(hash, |place| {
        if place.candidate.replace(hash) != hash {
            return None;
        }
        let held = Held {
            cache,
            hash,
            entry: entry.clone(),
            verified: entry.verified().unshared(),
        };
        place.held.try_borrow_mut().ok()?.replace(held)
    });
    // Here, where nothing is borrowed: whoever wrote the custom claims may have them do anything.
    drop(replaced);
}

/// `None` in a thread that is ending.
fn with_place<T>(hash: u64, f: impl FnOnce(&Place) -> Option<T>) -> Option<T> {
    PLACES_HERE
        .try_with(|places| f(&places[hash as usize % PLACES]))
        .ok()?
}

impl Place {
    const fn empty() -> Self {
        Self {
            held: RefCell::new(None),
            candidate: Cell::new(0),
        }
    }
}
