//! A value that is written rarely, and read with every call.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::{ArcSwap, Guard};

pub(crate) struct Published<T> {
    value: ArcSwap<T>,
    /// Raised after each change.
    version: AtomicU64,
    /// Held while a change is made and its version raised.
    writer: Mutex<()>,
}

/// What a reader saw last. To look whether it is still the newest costs less than to take hold of that each time; but
/// it lives on until its reader looks again.
pub(crate) struct Seen<T> {
    value: Arc<T>,
    version: u64,
}

impl<T> Published<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: ArcSwap::from_pointee(value),
            version: AtomicU64::new(0),
            writer: Mutex::new(()),
        }
    }

    /// The newest value. One that no [`Seen`] shows yet, if it was published just now: who concludes something from it
    /// that others must see does so in an [`update`](Self::update).
    pub(crate) fn load(&self) -> Guard<Arc<T>> {
        self.value.load()
    }

    /// Publishes what `change` makes of the newest value, if anything. One change is made at a time, and everyone sees
    /// those before.
    pub(crate) fn update(&self, change: impl FnOnce(&T) -> Option<T>) {
        let writing = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(value) = change(&self.value.load()) else {
            return;
        };
        let old = self.value.swap(Arc::new(value));
        self.version.fetch_add(1, Ordering::Release);
        drop(writing);
        drop(old);
    }

    pub(crate) fn see(&self) -> Seen<T> {
        // In this order: a value that is newer than its version is only loaded once more.
        let version = self.version.load(Ordering::Acquire);
        let value = self.value.load_full();
        Seen { value, version }
    }
}

impl<T> Seen<T> {
    /// The newest value of `published`, which must be what this was seen of.
    #[inline]
    pub(crate) fn newest(&mut self, published: &Published<T>) -> &T {
        if !self.is_newest(published) {
            self.renew(published);
        }
        &self.value
    }

    /// For another reader: the same, or what is newer. One who only makes others and never looks has them see the newest
    /// all the same.
    #[inline]
    pub(crate) fn for_another(&self, published: &Published<T>) -> Self {
        if !self.is_newest(published) {
            return published.see();
        }
        Self {
            value: self.value.clone(),
            version: self.version,
        }
    }

    fn is_newest(&self, published: &Published<T>) -> bool {
        self.version == published.version.load(Ordering::Acquire)
    }

    #[cold]
    fn renew(&mut self, published: &Published<T>) {
        *self = published.see();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_whoever_looks_again() {
        let published = Published::new(0);
        let mut early = published.see();
        published.update(|value| Some(value + 1));
        let mut late = early.for_another(&published);
        assert_eq!(*late.value, 1);
        assert_eq!(*early.newest(&published), 1);
        published.update(|value| Some(value + 1));
        assert_eq!(*early.newest(&published), 2);
        assert_eq!(*late.newest(&published), 2);
        published.update(|_| None);
        assert_eq!(**published.load(), 2);
    }
}
