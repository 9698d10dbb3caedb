use std::time::Duration;

use portcullis_core::clock::UnixTime;

/// The time that has passed by a wall clock that may be set.
///
/// A clock that is set back stops nothing: time goes on from there. One that is set ahead counts as at most 30 days.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    last: UnixTime,
    elapsed: Duration,
}

/// Threads read the clock before they get the lock, so a time may be a little older than the last. It is not a clock set back.
const OUT_OF_ORDER: Duration = Duration::from_secs(1);
/// Keeps the sum within the 584 years that fit into 64 bits of nanoseconds.
const LONGEST_STEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const END: Duration = Duration::from_secs(200 * 365 * 24 * 60 * 60);

impl Timeline {
    /// The time that has passed until `now`. It never decreases.
    pub(super) fn advance(&mut self, now: UnixTime) -> Duration {
        let step = now.duration_since(self.last).min(LONGEST_STEP);
        if now > self.last || self.last.duration_since(now) > OUT_OF_ORDER {
            self.last = now;
        }
        self.elapsed = self.elapsed.saturating_add(step).min(END);
        self.elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_reading_adds_no_time() {
        let at = |millis: u64| UnixTime::from_duration(Duration::from_millis(1_000_000 + millis));
        let mut timeline = Timeline::default();
        let start = timeline.advance(at(0));
        for millis in [10, 5, 10, 7, 12] {
            timeline.advance(at(millis));
        }
        assert_eq!(timeline.elapsed - start, Duration::from_millis(12));
    }
}
