//! Time, passed in: clocks, points in time, and deadlines.

mod deadline;
mod unix_time;

use std::{fmt, sync::Arc};

pub use deadline::{ClockOffset, Deadline, Moment};
pub use unix_time::UnixTime;

/// Tells the time. Each type that compares times takes a clock when it is built, so that tests can control the time.
/// Default: [`SystemClock`].
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> UnixTime;
}

/// A clock with several owners.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's wall clock.
///
/// On Linux it shows the time of the kernel's last tick (`CLOCK_REALTIME_COARSE`), at most 10 ms ago: reading it takes an
/// eighth of the time, and tokens expire on whole seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn now(&self) -> UnixTime {
        use rustix::time::{ClockId, clock_gettime};

        let time = clock_gettime(ClockId::RealtimeCoarse);
        // Before 1970 the seconds are negative, and the time is the epoch.
        UnixTime::from_duration(time.try_into().unwrap_or_default())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[expect(clippy::disallowed_methods, reason = "the one place that may")]
    fn now(&self) -> UnixTime {
        std::time::SystemTime::now().into()
    }
}

/// The default clock, shared.
pub fn system_clock() -> SharedClock {
    Arc::new(SystemClock)
}
