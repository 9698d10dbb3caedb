//! Times that hold although a clock is set or the machine sleeps.
//!
//! The wall clock can be set. A monotonic clock cannot, but may stand still while the machine sleeps. The time between two
//! moments is therefore what the faster clock says: in doubt, a token or a key set is too old.

use std::{fmt, time::Duration};

use super::unix_time::UnixTime;

/// One moment, read from the wall clock and from a monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Moment {
    wall: UnixTime,
    monotonic: Duration,
}

impl Moment {
    /// The moment at which the clocks show these times. `monotonic` counts from any fixed point.
    pub const fn new(wall: UnixTime, monotonic: Duration) -> Self {
        Self { wall, monotonic }
    }

    /// The time of the wall clock.
    pub const fn wall(self) -> UnixTime {
        self.wall
    }

    /// The time of the monotonic clock.
    pub const fn monotonic(self) -> Duration {
        self.monotonic
    }

    /// The time that has passed since `earlier`: the longer of what the two clocks say.
    pub fn duration_since(self, earlier: Self) -> Duration {
        self.wall
            .duration_since(earlier.wall)
            .max(self.monotonic.saturating_sub(earlier.monotonic))
    }

    /// How far the wall clock has jumped since `earlier`, because it was set or the machine slept. Less than 2 s do not
    /// count: the clocks are imprecise and may be slewed.
    pub fn clock_jump_since(self, earlier: Self) -> Option<ClockOffset> {
        let passed = self.monotonic.saturating_sub(earlier.monotonic);
        let jump = ClockOffset::between(self.wall, earlier.wall.saturating_add(passed));
        (jump.magnitude() >= Duration::from_secs(2)).then_some(jump)
    }
}

/// The end of a time span. It is reached as soon as either clock says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Deadline(Moment);

impl Deadline {
    /// The deadline `time` after `start`.
    pub fn after(start: Moment, time: Duration) -> Self {
        Self(Moment {
            wall: start.wall.saturating_add(time),
            monotonic: start.monotonic.saturating_add(time),
        })
    }

    /// Whether the deadline has passed.
    pub fn is_reached(self, now: Moment) -> bool {
        now.wall >= self.0.wall || now.monotonic >= self.0.monotonic
    }

    /// The time left; zero once the deadline is reached.
    pub fn left(self, now: Moment) -> Duration {
        self.0
            .wall
            .duration_since(now.wall)
            .min(self.0.monotonic.saturating_sub(now.monotonic))
    }

    /// The deadline on the wall clock.
    pub const fn wall(self) -> UnixTime {
        self.0.wall
    }

    /// The earlier of two deadlines.
    pub fn earlier(self, other: Self) -> Self {
        Self(Moment {
            wall: self.0.wall.min(other.0.wall),
            monotonic: self.0.monotonic.min(other.0.monotonic),
        })
    }
}

/// How far one clock is from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockOffset {
    /// It shows a later time, by this much, or the same time.
    Ahead(Duration),
    /// It shows an earlier time, by this much.
    Behind(Duration),
}

impl ClockOffset {
    /// The offset of a clock that shows `shown` from a clock that shows `reference`.
    pub fn between(shown: UnixTime, reference: UnixTime) -> Self {
        if shown >= reference {
            Self::Ahead(shown.duration_since(reference))
        } else {
            Self::Behind(reference.duration_since(shown))
        }
    }

    /// The size of the offset.
    pub fn magnitude(self) -> Duration {
        match self {
            Self::Ahead(by) | Self::Behind(by) => by,
        }
    }
}

impl fmt::Display for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ahead(by) => write!(f, "{by:?} ahead"),
            Self::Behind(by) => write!(f, "{by:?} behind"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ClockOffset::{Ahead, Behind};

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(wall: u64, monotonic: u64) -> Moment {
        Moment::new(UnixTime::from_secs(wall), secs(monotonic))
    }

    const START: u64 = 1_000_000;

    /// Each row: what happened, both clocks 600 s or so later, the time that has passed, and the jump.
    #[test]
    fn deadlines_hold_whatever_the_clocks_do() {
        let start = at(START, 50);
        for (what, now, passed, jump) in [
            ("time passed", at(START + 600, 650), 600, None),
            ("nothing", start, 0, None),
            ("the clocks drift apart", at(START + 601, 650), 601, None),
            ("and the other way", at(START + 599, 650), 600, None),
            (
                "slept",
                at(START + 7800, 650),
                7800,
                Some(Ahead(secs(7200))),
            ),
            ("set ahead", at(START + 602, 650), 602, Some(Ahead(secs(2)))),
            (
                "set back",
                at(START - 3600, 650),
                600,
                Some(Behind(secs(4200))),
            ),
            (
                "set back by a little",
                at(START + 598, 650),
                600,
                Some(Behind(secs(2))),
            ),
            (
                "set to the epoch",
                at(0, 650),
                600,
                Some(Behind(secs(START + 600))),
            ),
            (
                "slept, then set back",
                at(START + 10, 650),
                600,
                Some(Behind(secs(590))),
            ),
        ] {
            assert_eq!(now.duration_since(start), secs(passed), "{what}");
            assert_eq!(now.clock_jump_since(start), jump, "{what}");
            for span in [1, 599, 600, 601, 602, 7800, 8000] {
                let deadline = Deadline::after(start, secs(span));
                let left = secs(span).saturating_sub(secs(passed));
                assert_eq!(deadline.left(now), left, "{what}, {span} s");
                assert_eq!(deadline.is_reached(now), left.is_zero(), "{what}, {span} s");
            }
        }
    }

    #[test]
    fn earlier_deadline_is_reached_when_either_is() {
        let short = Deadline::after(at(START, 0), secs(10));
        let long = Deadline::after(at(START, 0), secs(20));
        assert_eq!(short.earlier(long), short);
        assert_eq!(long.earlier(short).wall(), UnixTime::from_secs(START + 10));
    }

    #[test]
    fn end_of_time_does_not_panic() {
        let end = Moment::new(UnixTime::from_duration(Duration::MAX), Duration::MAX);
        let deadline = Deadline::after(end, Duration::MAX);
        assert!(deadline.is_reached(end) && !deadline.is_reached(at(0, 0)));
    }
}
