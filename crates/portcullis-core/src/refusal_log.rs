//! How refusals are logged: one line each, and under load one line that counts the rest.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Facts, FailureKind, SharedClock, system_clock};

/// So many refusals of one kind are logged each second.
const LINES_A_SECOND: u64 = 50;

/// Runs a macro with the level that refusals of a kind are logged at: `error` when the service is wired wrongly, `warn`
/// when something it depends on is out of reach, otherwise `debug`.
macro_rules! at_level_of {
    ($kind:expr, $run:ident) => {
        match $kind {
            FailureKind::Misconfigured => $run!(error, ERROR),
            FailureKind::Unavailable => $run!(warn, WARN),
            _ => $run!(debug, DEBUG),
        }
    };
}
pub(crate) use at_level_of;

/// The count of refusals that were logged, and where to find facts for a log line.
///
/// Each scheme's [`Challenge`](crate::Challenge) has one, since every refusal has a challenge at hand: that of a layer,
/// of a guard and of an extractor. It is locked only to refuse.
#[derive(Debug)]
pub(crate) struct RefusalLog {
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    facts: Facts,
    windows: [Window; FailureKind::COUNT],
}

/// What was refused within one second.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    second: u64,
    refused: u64,
}

impl Window {
    const fn left_out(self) -> u64 {
        self.refused.saturating_sub(LINES_A_SECOND)
    }
}

/// What is to be logged now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// Whether this refusal gets a line of its own.
    pub(crate) line: bool,
    /// Refusals of earlier seconds that got none.
    left_out: [u64; FailureKind::COUNT],
}

impl RefusalLog {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Counts a refusal. What was left out before the present second is handed over with it.
    pub(crate) fn admit(&self, kind: FailureKind) -> Admitted {
        let mut state = self.state();
        // Under the lock, so that the time does not go back between two refusals.
        let second = self.clock.now().as_secs();
        let left_out = state.windows.each_mut().map(|window| {
            // A clock may be set back a little.
            if (second..=second.saturating_add(1)).contains(&window.second) {
                return 0;
            }
            let over = Window { second, refused: 0 };
            mem::replace(window, over).left_out()
        });
        let window = &mut state.windows[kind as usize];
        window.refused += 1;
        Admitted {
            line: window.left_out() == 0,
            left_out,
        }
    }

    /// Sets where the framework keeps facts about a request.
    pub(crate) fn set_facts(&self, facts: Facts) {
        self.state().facts = facts;
    }

    pub(crate) fn facts(&self) -> Facts {
        self.state().facts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for RefusalLog {
    fn default() -> Self {
        Self::new(system_clock())
    }
}

impl Drop for RefusalLog {
    /// The last second has no later refusal to sum it up.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let left_out = state.windows.map(Window::left_out);
        Admitted {
            line: false,
            left_out,
        }
        .sum_up();
    }
}

impl Admitted {
    /// Logs how many refusals got no line of their own.
    pub(crate) fn sum_up(&self) {
        for (kind, refused) in FailureKind::ALL.into_iter().zip(self.left_out) {
            if refused == 0 {
                continue;
            }
            macro_rules! log {
                ($level:ident, $_:ident) => {
                    tracing::$level!(
                        ?kind,
                        refused,
                        "refusals over the limit of 50 a second were not logged one by one"
                    )
                };
            }
            at_level_of!(kind, log);
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
    use crate::{Clock, UnixTime};

    #[derive(Debug, Default)]
    struct Hand(Mutex<UnixTime>);

    impl Hand {
        fn set(&self, at: Duration) {
            *self.0.lock().expect("not poisoned") = UnixTime::from_duration(at);
        }
    }

    impl Clock for Hand {
        fn now(&self) -> UnixTime {
            *self.0.lock().expect("not poisoned")
        }
    }

    /// How many of `count` refusals get a line, and how many earlier ones are summed up with them.
    fn admit(log: &RefusalLog, kind: FailureKind, count: usize) -> (usize, u64) {
        let admitted: Vec<_> = (0..count).map(|_| log.admit(kind)).collect();
        let lines = admitted.iter().filter(|admitted| admitted.line).count();
        let left_out = admitted.iter().flat_map(|admitted| admitted.left_out);
        (lines, left_out.sum())
    }

    #[test]
    fn fifty_lines_a_second_of_each_kind_and_the_rest_counted() {
        let clock = Arc::new(Hand::default());
        let log = RefusalLog::new(clock.clone());
        clock.set(Duration::from_millis(10_000));
        assert_eq!(admit(&log, FailureKind::Unavailable, 1_000), (50, 0));
        assert_eq!(admit(&log, FailureKind::Invalid, 30), (30, 0));
        clock.set(Duration::from_millis(10_999));
        assert_eq!(admit(&log, FailureKind::Unavailable, 1), (0, 0));
        clock.set(Duration::from_millis(11_000));
        // Summed up by the next refusal of any kind, once.
        assert_eq!(admit(&log, FailureKind::Invalid, 60), (50, 951));
        assert_eq!(admit(&log, FailureKind::Unavailable, 60), (50, 0));
        clock.set(Duration::from_secs(20));
        assert_eq!(admit(&log, FailureKind::Malformed, 1), (1, 20));
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let clock = Arc::new(Hand::default());
        let log = RefusalLog::new(clock.clone());
        clock.set(Duration::from_secs(1_000));
        assert_eq!(admit(&log, FailureKind::Invalid, 51), (50, 0));
        clock.set(Duration::from_secs(10));
        assert_eq!(admit(&log, FailureKind::Invalid, 51), (50, 1));
    }

    #[test]
    fn a_small_step_back_of_the_clock_opens_no_new_window() {
        let clock = Arc::new(Hand::default());
        let log = RefusalLog::new(clock.clone());
        clock.set(Duration::from_secs(11));
        assert_eq!(admit(&log, FailureKind::Invalid, 60), (50, 0));
        clock.set(Duration::from_millis(10_999));
        assert_eq!(admit(&log, FailureKind::Invalid, 60), (0, 0));
        clock.set(Duration::from_secs(12));
        assert_eq!(admit(&log, FailureKind::Invalid, 1), (1, 70));
    }

    /// Otherwise a thread could bring an older time than the one before it.
    #[test]
    fn the_clock_is_read_under_the_lock() {
        #[derive(Debug, Default)]
        struct Watching(OnceLock<Weak<RefusalLog>>);

        impl Clock for Watching {
            fn now(&self) -> UnixTime {
                let log = self.0.get().and_then(Weak::upgrade).expect("set");
                assert!(log.state.try_lock().is_err(), "not locked");
                UnixTime::from_secs(1)
            }
        }

        let clock = Arc::new(Watching::default());
        let log = Arc::new(RefusalLog::new(clock.clone()));
        clock.0.set(Arc::downgrade(&log)).expect("once");
        log.admit(FailureKind::Invalid);
    }

    #[test]
    fn every_kind_has_a_window_of_its_own() {
        for (index, kind) in FailureKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}
