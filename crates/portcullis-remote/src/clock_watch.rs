//! Tells a jump of the wall clock from the passing of time.

use std::time::Duration;

use portcullis_core::UnixTime;

use crate::ClockOffset;

/// Compares the wall clock with a monotonic one.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    wall: UnixTime,
    monotonic: Duration,
}

impl ClockWatch {
    /// Smaller differences are the clocks' own imprecision, or a clock that is being slewed.
    const SMALLEST_JUMP: Duration = Duration::from_secs(2);

    pub(crate) fn new(wall: UnixTime, monotonic: Duration) -> Self {
        Self { wall, monotonic }
    }

    /// Looks at both clocks. A jump since the last look is told once.
    pub(crate) fn look(&mut self, wall: UnixTime, monotonic: Duration) -> Option<ClockOffset> {
        let expected = self
            .wall
            .saturating_add(monotonic.saturating_sub(self.monotonic));
        *self = Self::new(wall, monotonic);
        let jump = ClockOffset::between(wall, expected);
        (jump.magnitude() >= Self::SMALLEST_JUMP).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_once_and_the_passing_of_time_never() {
        let secs = Duration::from_secs;
        let wall = UnixTime::from_secs;
        let mut watch = ClockWatch::new(wall(1000), secs(0));
        assert_eq!(watch.look(wall(1010), secs(10)), None);
        assert_eq!(watch.look(wall(1011), secs(10)), None, "imprecise");
        assert_eq!(
            watch.look(wall(4631), secs(20)),
            Some(ClockOffset::Ahead(secs(3610)))
        );
        assert_eq!(watch.look(wall(4641), secs(30)), None);
        assert_eq!(
            watch.look(wall(1041), secs(30)),
            Some(ClockOffset::Behind(secs(3600)))
        );
        assert_eq!(watch.look(wall(1041), secs(30)), None);
        assert_eq!(
            watch.look(wall(0), secs(30)),
            Some(ClockOffset::Behind(secs(1041)))
        );
    }
}
