//! Points in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since the Unix epoch, without leap seconds, as a JWT's NumericDate (RFC 7519 §2). Times before 1970 do not
/// exist; arithmetic saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[must_use]
pub struct UnixTime(Duration);

impl UnixTime {
    /// The time `seconds` after the epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The time `since_epoch` after the epoch.
    pub const fn from_duration(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// The duration since the epoch.
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    /// A later time. It saturates at the end of time.
    pub const fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// An earlier time. It saturates at the epoch.
    pub const fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }

    /// The duration since `earlier`; zero if `earlier` is in fact later.
    pub const fn duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<SystemTime> for UnixTime {
    /// Times before 1970 become the epoch.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let (three, nine) = (UnixTime::from_secs(3), UnixTime::from_secs(9));
        let end_of_time = UnixTime::from_duration(Duration::MAX);
        let later = end_of_time.saturating_add(Duration::from_secs(1));
        assert_eq!(later, end_of_time);
        assert_eq!(
            three.saturating_sub(Duration::from_secs(9)),
            UnixTime::default()
        );
        assert_eq!(three.duration_since(nine), Duration::ZERO);
    }

    #[test]
    fn times_before_the_epoch_become_the_epoch() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(UnixTime::from(before), UnixTime::default());
    }
}
