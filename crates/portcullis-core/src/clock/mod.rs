//! Time, passed in: clocks, points in time, and deadlines.

mod deadline;
mod unix_time;

use std::{fmt, sync::Arc, time::SystemTime};

pub use deadline::{ClockOffset, Deadline, Moment};
pub use unix_time::UnixTime;

/// Tells the time.
///
/// Everything that compares times takes a clock when it is built, so that tests can control it. The default is
/// [`SystemClock`].
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> UnixTime;
}

/// A clock with several owners.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
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
