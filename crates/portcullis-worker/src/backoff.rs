//! Random parts of waits.

use std::time::Duration;

/// A random part of a wait, so that the services of a fleet do not ask in step. Randomness is passed in, as time is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// The middle of the range: waits are as the rules say.
    pub const NONE: Self = Self(0.5);

    /// Jitter from 64 random bits.
    #[must_use]
    pub fn from_random(bits: u64) -> Self {
        // The upper 32 bits: a fraction in [0, 1) that f64 holds exactly.
        Self(f64::from((bits >> 32) as u32) / (f64::from(u32::MAX) + 1.0))
    }

    /// The time, 10 % more or less.
    #[must_use]
    pub fn spread(self, time: Duration) -> Duration {
        scale(time, 0.9 + self.0 * 0.2)
    }

    /// The time, up to half of it less.
    #[must_use]
    pub fn shorten(self, time: Duration) -> Duration {
        scale(time, 1.0 - self.0 / 2.0)
    }
}

fn scale(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time)
}
