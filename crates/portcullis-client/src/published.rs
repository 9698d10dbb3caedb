//! A value that is written rarely, and read with every call.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::{ArcSwap, Guard};

pub(crate) struct Published<T> {
    value: ArcSwap<T>,
    /// Raised after each change.
    version: AtomicU64,
}

/// What a reader saw last. To look whether it is still the newest costs less than to take hold of that each time.
#[derive(Clone)]
pub(crate) struct Seen<T> {
    value: Arc<T>,
    version: u64,
}

impl<T> Published<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: ArcSwap::from_pointee(value),
            version: AtomicU64::new(0),
        }
    }

    pub(crate) fn load(&self) -> Guard<Arc<T>> {
        self.value.load()
    }

    /// Publishes what `change` makes of the newest value. It is called again where another change came first.
    pub(crate) fn update(&self, mut change: impl FnMut(&T) -> T) {
        self.value.rcu(|value| change(value));
        self.version.fetch_add(1, Ordering::Release);
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
        if self.version != published.version.load(Ordering::Acquire) {
            self.renew(published);
        }
        &self.value
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
        published.update(|value| value + 1);
        let mut late = early.clone();
        assert_eq!(*early.newest(&published), 1);
        published.update(|value| value + 1);
        assert_eq!(*early.newest(&published), 2);
        assert_eq!(*late.newest(&published), 2);
        assert_eq!(**published.load(), 2);
    }
}
