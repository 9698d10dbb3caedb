//! Limits how many refusals are logged.

use std::{
    collections::HashMap,
    mem::take,
    sync::{Mutex, PoisonError},
};

use crate::{
    clock::{SharedClock, system_clock},
    facts::FactFinders,
    failure::FailureKind,
    lock::lock,
};

/// How many refusals of one kind are logged each second.
const LINES_PER_SECOND: u64 = 50;

/// Logs at the level of a kind of refusal. A macro, since `tracing` needs the level at compile time.
macro_rules! log_at_level_of {
    ($kind:expr, $($fields:tt)+) => {
        match $kind {
            FailureKind::Misconfigured => tracing::error!($($fields)+),
            FailureKind::Unavailable => tracing::warn!($($fields)+),
            _ => tracing::debug!($($fields)+),
        }
    };
}
pub(crate) use log_at_level_of;

/// Limits the log lines of refusals. Each scheme's [`Challenge`](crate::scheme::Challenge) has one, since guards and extractors
/// reach the challenge but not the layer. A guard without an authenticate layer has its own.
#[derive(Debug)]
pub(crate) struct RefusalLog {
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fact_finders: FactFinders,
    second: u64,
    refused: Counts,
}

type Counts = HashMap<FailureKind, u64>;

impl RefusalLog {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Counts a refusal and tells whether it gets a log line. The first refusal of a second also logs how many refusals of the
    /// last counted second got no line.
    pub(crate) fn admit(&self, kind: FailureKind) -> bool {
        let (is_admitted, ended_second) = self.count(kind);
        log_suppressed(&ended_second);
        is_admitted
    }

    fn count(&self, kind: FailureKind) -> (bool, Counts) {
        let mut state = lock(&self.state);
        // Read under the lock, so that the time does not go back between two refusals.
        let second = self.clock.now().as_secs();
        let mut ended_second = Counts::new();
        // A second that is one ahead of the clock goes on too: the clock may have been set back a little.
        let goes_on = state.second == second || state.second == second.saturating_add(1);
        if !goes_on {
            ended_second = take(&mut state.refused);
            state.second = second;
        }
        let refused = state.refused.entry(kind).or_default();
        *refused += 1;
        (*refused <= LINES_PER_SECOND, ended_second)
    }

    pub(crate) fn set_fact_finders(&self, finders: FactFinders) {
        lock(&self.state).fact_finders = finders;
    }

    pub(crate) fn fact_finders(&self) -> FactFinders {
        lock(&self.state).fact_finders
    }
}

impl Default for RefusalLog {
    fn default() -> Self {
        Self::new(system_clock())
    }
}

impl Drop for RefusalLog {
    /// Reports the suppressed refusals of the last second, since no later refusal will report them.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        log_suppressed(&state.refused);
    }
}

fn log_suppressed(refused: &Counts) {
    for (kind, refused) in refused {
        let suppressed = refused.saturating_sub(LINES_PER_SECOND);
        if suppressed > 0 {
            log_at_level_of!(
                kind,
                ?kind,
                suppressed,
                "refusals of this kind over the fixed limit of {LINES_PER_SECOND} a second were only counted: see those that were logged in the same second"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, OnceLock, Weak},
        time::Duration,
    };

    use super::*;
    use crate::clock::{Clock, UnixTime};

    #[derive(Debug, Default)]
    struct ManualClock(Mutex<UnixTime>);

    impl ManualClock {
        fn set(&self, at: Duration) {
            *self.0.lock().expect("not poisoned") = UnixTime::from_duration(at);
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> UnixTime {
            *self.0.lock().expect("not poisoned")
        }
    }

    /// How many of `count` refusals get a line, and how many earlier ones are reported with them.
    fn refuse(log: &RefusalLog, kind: FailureKind, count: usize) -> (usize, u64) {
        let counted: Vec<_> = (0..count).map(|_| log.count(kind)).collect();
        let lines = counted.iter().filter(|(admitted, _)| *admitted).count();
        let earlier = counted.iter().flat_map(|(_, earlier)| earlier.values());
        let suppressed = earlier.map(|refused| refused.saturating_sub(LINES_PER_SECOND));
        (lines, suppressed.sum())
    }

    #[test]
    fn each_kind_gets_fifty_lines_a_second_and_the_rest_is_counted() {
        let clock = Arc::new(ManualClock::default());
        let log = RefusalLog::new(clock.clone());
        clock.set(Duration::from_millis(10_000));
        assert_eq!(refuse(&log, FailureKind::Unavailable, 1_000), (50, 0));
        assert_eq!(refuse(&log, FailureKind::Invalid, 30), (30, 0));
        clock.set(Duration::from_millis(10_999));
        assert_eq!(refuse(&log, FailureKind::Unavailable, 1), (0, 0));
        clock.set(Duration::from_millis(11_000));
        // The next refusal of any kind reports them, once.
        assert_eq!(refuse(&log, FailureKind::Invalid, 60), (50, 951));
        assert_eq!(refuse(&log, FailureKind::Unavailable, 60), (50, 0));
        clock.set(Duration::from_secs(20));
        assert_eq!(refuse(&log, FailureKind::Malformed, 1), (1, 20));
    }

    #[test]
    fn clock_set_back_does_not_silence_the_log() {
        let clock = Arc::new(ManualClock::default());
        let log = RefusalLog::new(clock.clone());
        clock.set(Duration::from_secs(1_000));
        assert_eq!(refuse(&log, FailureKind::Invalid, 51), (50, 0));
        clock.set(Duration::from_secs(10));
        assert_eq!(refuse(&log, FailureKind::Invalid, 51), (50, 1));
    }

    #[test]
    fn small_step_back_of_the_clock_opens_no_new_window() {
        let clock = Arc::new(ManualClock::default());
        let log = RefusalLog::new(clock.clone());
        clock.set(Duration::from_secs(11));
        assert_eq!(refuse(&log, FailureKind::Invalid, 60), (50, 0));
        clock.set(Duration::from_millis(10_999));
        assert_eq!(refuse(&log, FailureKind::Invalid, 60), (0, 0));
        clock.set(Duration::from_secs(12));
        assert_eq!(refuse(&log, FailureKind::Invalid, 1), (1, 70));
    }

    /// Otherwise a thread could count with an older time than the thread before it.
    #[test]
    fn clock_is_read_under_the_lock() {
        #[derive(Debug, Default)]
        struct LockCheck(OnceLock<Weak<RefusalLog>>);

        impl Clock for LockCheck {
            fn now(&self) -> UnixTime {
                let log = self.0.get().and_then(Weak::upgrade).expect("set");
                assert!(log.state.try_lock().is_err(), "not locked");
                UnixTime::from_secs(1)
            }
        }

        let clock = Arc::new(LockCheck::default());
        let log = Arc::new(RefusalLog::new(clock.clone()));
        clock.0.set(Arc::downgrade(&log)).expect("once");
        log.admit(FailureKind::Invalid);
    }
}
