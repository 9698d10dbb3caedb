//! Time, passed in.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A point in time: what has passed since the Unix epoch, leap seconds not counted.
///
/// This is the scale of a JWT's NumericDate (RFC 7519 §2). Times before 1970 do not exist; arithmetic saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(Duration);

impl UnixTime {
    /// The point `seconds` after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The point `since_epoch` after the epoch.
    #[must_use]
    pub const fn from_duration(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// What has passed since the epoch.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    /// This point moved later; at the end of time it stays there.
    #[must_use]
    pub const fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// This point moved earlier; at the epoch it stays there.
    #[must_use]
    pub const fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }

    /// What has passed since `earlier`; zero when `earlier` is in fact later.
    #[must_use]
    pub const fn duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The same point as a [`SystemTime`]; `None` where the platform cannot represent it.
    #[must_use]
    pub fn to_system_time(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(self.0)
    }
}

impl From<SystemTime> for UnixTime {
    /// Times before 1970 become the epoch.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// Tells the time.
///
/// Everything that compares against the present takes a clock when it is built, so that tests can hold time still.
/// [`SystemClock`] is the default everywhere.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present.
    fn now(&self) -> UnixTime;
}

/// A clock that several owners read.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's wall clock.
///
/// On Linux it is read as of the kernel's last tick, which is at most 10 ms ago (`CLOCK_REALTIME_COARSE`): a reading
/// costs a quarter of an exact one, and what is compared with it is whole seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn now(&self) -> UnixTime {
        use rustix::time::{ClockId, clock_gettime};

        let time = clock_gettime(ClockId::RealtimeCoarse);
        // Before 1970 the seconds are negative, and the time is the epoch.
        UnixTime(time.try_into().unwrap_or_default())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> UnixTime {
        SystemTime::now().into()
    }
}

/// The default clock, shared.
#[must_use]
pub fn system_clock() -> SharedClock {
    Arc::new(SystemClock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let end = UnixTime::from_duration(Duration::MAX);
        assert_eq!(end.saturating_add(Duration::from_secs(1)), end);
        assert_eq!(
            UnixTime::from_secs(3).saturating_sub(Duration::from_secs(9)),
            UnixTime::default()
        );
        assert_eq!(
            UnixTime::from_secs(3).duration_since(UnixTime::from_secs(9)),
            Duration::ZERO
        );
    }

    #[test]
    fn before_the_epoch_is_the_epoch() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(UnixTime::from(before), UnixTime::default());
        assert_eq!(end_of_time().to_system_time(), None);
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "it is what the clock is held against"
    )]
    fn the_system_clock_is_the_systems() {
        // Twice the longest tick: between the readings there may be one.
        let tick = Duration::from_millis(20);
        let before = UnixTime::from(SystemTime::now()).saturating_sub(tick);
        let read = SystemClock.now();
        assert!(before <= read && read <= SystemTime::now().into());
    }

    fn end_of_time() -> UnixTime {
        UnixTime::from_duration(Duration::MAX)
    }
}
