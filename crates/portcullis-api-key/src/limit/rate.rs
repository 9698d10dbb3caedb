use std::{fmt, num::NonZeroU32, time::Duration};

use portcullis_core::ConfigError;

/// How many requests are allowed in a period, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    requests: NonZeroU32,
    period: Duration,
    burst: NonZeroU32,
}

impl Limit {
    /// The longest period: a day.
    const MAX_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

    /// `requests` in each `period`, as many of them at once.
    ///
    /// # Errors
    ///
    /// When `requests` is zero, or the period is shorter than 1 s or longer than a day, or no whole number of milliseconds.
    pub fn new(requests: u32, period: Duration) -> Result<Self, ConfigError> {
        let requests = NonZeroU32::new(requests).ok_or_else(|| {
            ConfigError::new(
                "limit",
                "allow at least one request: to allow none, revoke the key",
            )
        })?;
        if period < Duration::from_secs(1)
            || period > Self::MAX_PERIOD
            || !period.subsec_nanos().is_multiple_of(1_000_000)
        {
            let problem = "give a period from 1 s to a day, in whole milliseconds";
            return Err(ConfigError::new("limit", problem));
        }
        Ok(Self {
            requests,
            period,
            burst: requests,
        })
    }

    /// Sets how many requests are allowed at once; as many as in a period by default.
    ///
    /// # Errors
    ///
    /// When `burst` is zero.
    pub fn burst(mut self, burst: u32) -> Result<Self, ConfigError> {
        self.burst = NonZeroU32::new(burst)
            .ok_or_else(|| ConfigError::new("limit", "allow a burst of at least one request"))?;
        Ok(self)
    }

    /// The requests in a period.
    #[must_use]
    pub fn requests(&self) -> NonZeroU32 {
        self.requests
    }

    /// The period.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// The requests at once.
    #[must_use]
    pub fn burst_size(&self) -> NonZeroU32 {
        self.burst
    }
}

impl fmt::Display for Limit {
    /// Such as `100 requests in 60 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requests, seconds) = (self.requests, self.period.as_secs_f64());
        let noun = if requests.get() == 1 {
            "request"
        } else {
            "requests"
        };
        write!(f, "{requests} {noun} in {seconds} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_is_that_of_a_period_by_default() {
        let limit = Limit::new(100, Duration::from_secs(60)).expect("a limit");
        assert_eq!(
            (limit.requests().get(), limit.burst_size().get()),
            (100, 100)
        );
        let limit = limit.burst(20).expect("a burst");
        assert_eq!(
            (limit.requests().get(), limit.burst_size().get()),
            (100, 20)
        );
        assert_eq!(limit.period(), Duration::from_secs(60));
        assert_eq!(limit.burst(0).expect_err("no burst").setting(), "limit");
    }

    #[test]
    fn limit_out_of_range_is_rejected() {
        let day = Limit::MAX_PERIOD;
        for good in [Duration::from_secs(1), Duration::from_millis(1_001), day] {
            assert!(Limit::new(1, good).is_ok(), "{good:?}");
        }
        for (requests, period) in [
            (0, day),
            (1, Duration::ZERO),
            (1, Duration::from_millis(999)),
            (1, Duration::from_micros(1_000_001)),
            (1, day + Duration::from_millis(1)),
            (1, Duration::MAX),
        ] {
            let error = Limit::new(requests, period).expect_err("out of range");
            assert_eq!(error.setting(), "limit", "{requests} in {period:?}");
        }
    }
}
