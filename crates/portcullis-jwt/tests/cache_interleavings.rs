//! The shared level of the token cache, in every order in which two or three threads can come to it.
//!
//! The file is the crate's own; what it is built on is replaced by loom's models. The slots are modelled as places that
//! are swapped and loaded in one step, which is what `arc-swap` promises. The hints beside them are no models: they change
//! whenever a thread comes to a slot or counts bytes, and there would be too many orders to look at.

use loom::{model::Builder, sync::atomic::AtomicU64, thread};
use shared::{Cached, Newcomer, Shared};
use slot::{Arc, Ordering};
use std::sync::atomic::AtomicUsize;

#[path = "../src/cache/shared.rs"]
mod shared;

mod limits {
    /// As in the crate.
    #[derive(Debug, PartialEq)]
    pub(crate) struct CacheStatus {
        pub(crate) entries: usize,
        pub(crate) bytes: usize,
    }
}

mod slot {
    use loom::sync::Mutex;
    pub(crate) use loom::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    pub(crate) use std::sync::atomic::AtomicU32;

    pub(crate) struct Slot<E>(Mutex<Option<Arc<E>>>);

    pub(crate) struct Loaded<E>(Option<Arc<E>>);

    impl<E> std::ops::Deref for Loaded<E> {
        type Target = Option<Arc<E>>;

        fn deref(&self) -> &Option<Arc<E>> {
            &self.0
        }
    }

    impl<E> Slot<E> {
        pub(crate) fn empty() -> Self {
            Self(Mutex::new(None))
        }

        pub(crate) fn load(&self) -> Loaded<E> {
            Loaded(self.0.lock().expect("no panic").clone())
        }

        pub(crate) fn swap(&self, entry: Option<Arc<E>>) -> Option<Arc<E>> {
            std::mem::replace(&mut *self.0.lock().expect("no panic"), entry)
        }
    }
}

/// When all of it takes place: nothing ends by itself.
const NOW: u32 = 1;

/// A token of this name, verified under this epoch.
struct Entry {
    name: u64,
    epoch: u64,
    bytes: usize,
    alive: Alive,
}

/// The bytes of all entries that were made and not dropped yet. Not one of loom's: the test's own.
#[derive(Clone, Default)]
struct Alive(std::sync::Arc<AtomicUsize>);

impl Alive {
    fn entry(&self, name: u64, epoch: u64, bytes: usize) -> Arc<Entry> {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        let alive = self.clone();
        Arc::new(Entry {
            name,
            epoch,
            bytes,
            alive,
        })
    }

    fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.alive.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Cached for Entry {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

fn in_every_order(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Names are hashes here: all of them fall into the one set.
fn newcomer(name: u64, bytes: usize) -> Newcomer {
    Newcomer {
        hash: name,
        bytes,
        // Each another, so that they are told apart.
        until: NOW + 1 + name as u32,
    }
}

fn keep<const WAYS: usize>(cache: &Shared<Entry, WAYS>, alive: &Alive, name: u64, bytes: usize) {
    keep_after(cache, alive, name, bytes, || {});
}

/// The same, with something that another thread does between the choice of a place and its filling.
fn keep_after<const WAYS: usize>(
    cache: &Shared<Entry, WAYS>,
    alive: &Alive,
    name: u64,
    bytes: usize,
    between: impl FnOnce(),
) {
    cache.insert(&newcomer(name, bytes), NOW, || {
        between();
        alive.entry(name, 1, bytes)
    });
}

fn find<const WAYS: usize>(cache: &Shared<Entry, WAYS>, name: u64, epoch: u64) -> Option<u64> {
    let is_hit = |entry: &Entry| entry.name == name && entry.epoch == epoch;
    cache.get(name, is_hit, |entry| entry.epoch)
}

#[test]
fn what_is_counted_is_what_is_there() {
    in_every_order(|| {
        let cache = Arc::new(Shared::<Entry, 2>::new(2, 100));
        let alive = Alive::default();
        keep(&cache, &alive, 2, 30);
        keep(&cache, &alive, 4, 40);
        // Turned away, and so let in the next time.
        keep(&cache, &alive, 6, 20);
        keep(&cache, &alive, 8, 60);
        let filling = {
            let (cache, alive) = (cache.clone(), alive.clone());
            thread::spawn(move || {
                keep(&cache, &alive, 2, 35);
                keep(&cache, &alive, 8, 60);
            })
        };
        keep(&cache, &alive, 6, 20);
        filling.join().expect("no panic");
        let status = cache.status();
        assert_eq!(status.bytes, alive.bytes());
        assert!(
            status.bytes <= 100 && (1..=2).contains(&status.entries),
            "{status:?}"
        );
    });
}

#[test]
fn the_bytes_that_are_there_are_never_too_many() {
    in_every_order(|| {
        let cache = Arc::new(Shared::<Entry, 2>::new(2, 100));
        let alive = Alive::default();
        let filling = {
            let (cache, alive) = (cache.clone(), alive.clone());
            thread::spawn(move || keep(&cache, &alive, 2, 60))
        };
        keep(&cache, &alive, 4, 60);
        let found = [2, 4].map(|name| usize::from(find(&cache, name, 1).is_some()));
        assert!(found.iter().sum::<usize>() <= 1, "{found:?}");
        filling.join().expect("no panic");
        assert!(cache.status().bytes <= 100, "{:?}", cache.status());
        assert_eq!(cache.status().bytes, alive.bytes());
    });
}

/// Two threads have verified the same token; a third token comes for which there is no room.
#[test]
fn what_is_turned_away_has_nothing_go() {
    in_every_order(|| {
        let cache = Arc::new(Shared::<Entry, 4>::new(4, 100));
        let alive = Alive::default();
        keep(&cache, &alive, 2, 60);
        keep(&cache, &alive, 4, 40);
        let filling = {
            let (cache, alive) = (cache.clone(), alive.clone());
            thread::spawn(move || keep(&cache, &alive, 6, 20))
        };
        keep(&cache, &alive, 2, 60);
        filling.join().expect("no panic");
        let found = [2, 6].map(|name| find(&cache, name, 1).is_some());
        assert_ne!(found, [false, false], "{:?}", cache.status());
    });
}

/// One replaces an entry, another has it go for its own.
#[test]
fn what_is_there_can_be_found() {
    in_every_order(|| {
        let cache = Arc::new(Shared::<Entry, 2>::new(2, 100));
        let alive = Alive::default();
        keep(&cache, &alive, 2, 60);
        // Noted.
        keep(&cache, &alive, 4, 50);
        let filling = {
            let (cache, alive) = (cache.clone(), alive.clone());
            thread::spawn(move || keep(&cache, &alive, 4, 50))
        };
        keep(&cache, &alive, 2, 40);
        filling.join().expect("no panic");
        let found = [2, 4].map(|name| find(&cache, name, 1).is_some());
        let found = found.into_iter().filter(|is_found| *is_found).count();
        assert_eq!(found, cache.status().entries);
    });
}

#[test]
fn a_place_that_is_being_filled_is_not_free() {
    in_every_order(|| {
        let (cache, alive) = (Shared::<Entry, 2>::new(2, 100), Alive::default());
        keep_after(&cache, &alive, 2, 10, || keep(&cache, &alive, 4, 10));
        assert_eq!([2, 4].map(|name| find(&cache, name, 1)), [Some(1); 2]);
    });
}

#[test]
fn all_who_bring_the_same_come_to_one_place() {
    in_every_order(|| {
        let (cache, alive) = (Shared::<Entry, 4>::new(4, 100), Alive::default());
        let living = [2, 4, 6, 8];
        for name in living {
            keep(&cache, &alive, name, 10);
            assert_eq!(find(&cache, name, 1), Some(1));
        }
        // Noted.
        keep(&cache, &alive, 10, 10);
        keep_after(&cache, &alive, 10, 10, || keep(&cache, &alive, 10, 10));
        let left = living
            .iter()
            .filter(|name| find(&cache, **name, 1).is_some());
        assert_eq!(left.count(), 3, "{:?}", cache.status());
    });
}

/// One is renewed while another has it go.
#[test]
fn a_place_that_is_empty_looks_free() {
    in_every_order(|| {
        let cache = Arc::new(Shared::<Entry, 2>::new(2, 10));
        let alive = Alive::default();
        keep(&cache, &alive, 2, 10);
        // Noted.
        keep(&cache, &alive, 4, 10);
        let renewing = {
            let (cache, alive) = (cache.clone(), alive.clone());
            thread::spawn(move || {
                let newcomer = Newcomer {
                    until: NOW + 9,
                    ..newcomer(2, 10)
                };
                cache.insert(&newcomer, NOW, || alive.entry(2, 1, 10));
            })
        };
        keep(&cache, &alive, 4, 10);
        renewing.join().expect("no panic");
        keep(&cache, &alive, 6, 0);
        assert_eq!(find(&cache, 6, 1), Some(1), "{:?}", cache.status());
    });
}

/// A flush is an epoch that moves.
#[test]
fn a_fill_that_is_overtaken_by_a_flush_is_no_hit_after_it() {
    in_every_order(|| {
        let cache = Arc::new(Shared::<Entry, 2>::new(2, 100));
        let epoch = Arc::new(AtomicU64::new(1));
        let verifying = {
            let (cache, epoch) = (cache.clone(), epoch.clone());
            thread::spawn(move || {
                let before = epoch.load(Ordering::Acquire);
                cache.insert(&newcomer(2, 10), NOW, || {
                    Alive::default().entry(2, before, 10)
                });
            })
        };
        let asking = {
            let (cache, epoch) = (cache.clone(), epoch.clone());
            thread::spawn(move || {
                let now = epoch.load(Ordering::Acquire);
                if let Some(under) = find(&cache, 2, now) {
                    assert_eq!(under, now);
                }
            })
        };
        epoch.store(2, Ordering::Release);
        if let Some(under) = find(&cache, 2, 2) {
            assert_eq!(under, 2);
        }
        verifying.join().expect("no panic");
        asking.join().expect("no panic");
    });
}
