//! What the shared level is built on. Its interleavings are tested over a model of these.

pub(super) use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use arc_swap::{ArcSwapOption, Guard};

/// A place for one entry, read without waiting.
pub(super) struct Slot<E>(ArcSwapOption<E>);

/// An entry that is being read.
pub(super) type Loaded<E> = Guard<Option<Arc<E>>>;

impl<E> Slot<E> {
    pub(super) fn empty() -> Self {
        Self(ArcSwapOption::empty())
    }

    pub(super) fn load(&self) -> Loaded<E> {
        self.0.load()
    }

    pub(super) fn swap(&self, entry: Option<Arc<E>>) -> Option<Arc<E>> {
        self.0.swap(entry)
    }
}
