//! An issuer without a socket. A fetch completes at once, if the budget allows it.

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::clock::{Clock, UnixTime};
use portcullis_jose::KeySet;
use portcullis_jwt::{IssuerKeys, KeyPublisher, RefreshAnswer, Refresher};
use portcullis_test::ManualClock;
use portcullis_worker::{Budget, BudgetRules};

use super::world::ISSUER;

/// The stale limit of the keys.
pub(super) const STALE_AFTER: Duration = Duration::from_secs(6 * 60 * 60);

/// The issuer from the view of its service.
pub(super) struct Double {
    shared: Arc<Shared>,
    keys: IssuerKeys,
}

struct Shared {
    clock: ManualClock,
    changing: Mutex<Changing>,
}

struct Changing {
    served: Vec<u8>,
    publisher: Option<KeyPublisher>,
    /// The budgets for unknown keys and for bad signatures.
    budgets: [Budget; 2],
    fetches: usize,
}

impl Double {
    /// Serves a valid set, which has been fetched once.
    pub(super) fn start(served: impl Into<Vec<u8>>, clock: &ManualClock) -> Self {
        let changing = Changing {
            served: served.into(),
            publisher: None,
            budgets: [Budget::default(); 2],
            fetches: 0,
        };
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            changing: Mutex::new(changing),
        });
        let signals = Box::new(Signals(shared.clone()));
        let (keys, publisher) = IssuerKeys::refreshed(ISSUER, signals).expect("an issuer");
        shared.changing().publisher = Some(publisher);
        shared.changing().fetch(clock.now());
        Self { shared, keys }
    }

    pub(super) fn keys(&self) -> &IssuerKeys {
        &self.keys
    }

    /// Serves another document from now on.
    pub(super) fn serve(&self, served: impl Into<Vec<u8>>) {
        self.shared.changing().served = served.into();
    }

    pub(super) fn fetches(&self) -> usize {
        self.shared.changing().fetches
    }
}

impl Shared {
    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches if that budget allows it.
    fn signal(&self, budget: usize) -> bool {
        let (mut changing, now) = (self.changing(), self.clock.now());
        let Some(left) = changing.budgets[budget].take(&BudgetRules::default(), now.as_duration())
        else {
            return false;
        };
        changing.budgets[budget] = left;
        changing.fetch(now);
        true
    }
}

impl Changing {
    fn fetch(&mut self, now: UnixTime) {
        self.fetches += 1;
        let publisher = self.publisher.as_mut().expect("a publisher");
        match KeySet::parse(&self.served) {
            Ok(keys) => {
                publisher.publish(keys, now, now.saturating_add(STALE_AFTER));
            }
            Err(_) => publisher.record_failure(),
        }
    }
}

struct Signals(Arc<Shared>);

impl Refresher for Signals {
    fn request_newer_keys(&self, _: u64) -> RefreshAnswer {
        if self.0.signal(0) {
            RefreshAnswer::Wait(Box::pin(ready(true)))
        } else {
            RefreshAnswer::Exhausted
        }
    }

    fn report_bad_signature(&self) {
        self.0.signal(1);
    }
}
