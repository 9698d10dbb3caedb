//! A clock that a test moves.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use portcullis_core::clock::{Clock, SharedClock, UnixTime};

/// A clock that moves only when told to. Clones share one time.
///
/// ```
/// use std::time::Duration;
/// use portcullis_core::clock::{Clock, UnixTime};
/// use portcullis_test::ManualClock;
///
/// let clock = ManualClock::new(UnixTime::from_secs(1_800_000_000));
/// let seen_by_the_service = clock.shared();
/// clock.advance(Duration::from_secs(61));
/// assert_eq!(seen_by_the_service.now().as_secs(), 1_800_000_061);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<UnixTime>>);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: UnixTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// A clock that shows the current time.
    #[must_use]
    pub fn starting_now() -> Self {
        Self::new(portcullis_core::clock::SystemClock.now())
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.change(|now| now.saturating_add(by));
    }

    /// Moves the clock back.
    pub fn rewind(&self, by: Duration) {
        self.change(|now| now.saturating_sub(by));
    }

    /// Moves the clock to `now`, in either direction.
    pub fn set(&self, now: UnixTime) {
        self.change(|_| now);
    }

    /// This clock as a [`SharedClock`].
    #[must_use]
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }

    fn change(&self, to: impl FnOnce(UnixTime) -> UnixTime) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = to(*now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<ManualClock> for SharedClock {
    fn from(clock: ManualClock) -> Self {
        Arc::new(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_told_to() {
        let clock = ManualClock::new(UnixTime::from_secs(100));
        let other = clock.clone();
        assert_eq!(clock.now(), other.now());
        clock.advance(Duration::from_millis(1500));
        assert_eq!(other.now().as_duration(), Duration::from_millis(101_500));
        clock.rewind(Duration::from_secs(101));
        assert_eq!(other.now().as_duration(), Duration::from_millis(500));
        clock.set(UnixTime::from_secs(7));
        assert_eq!(other.now().as_secs(), 7);
    }
}
