use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use portcullis_core::clock::UnixTime;

/// The pepper versions that records named and that are not configured, each with the time of the last alarm.
#[derive(Debug, Default)]
pub(super) struct MissingPeppers(Mutex<BTreeMap<u32, UnixTime>>);

impl MissingPeppers {
    /// Notes a request whose key needs the pepper. Logs the first one, then one a minute.
    pub(super) fn note(&self, version: u32, now: UnixTime) {
        if self.is_alarm_due(version, now) {
            tracing::error!(
                version,
                "API keys are refused with 503, since pepper version {version} is missing: add it to `peppers`, as current \
                 or previous version"
            );
        }
    }

    fn is_alarm_due(&self, version: u32, now: UnixTime) -> bool {
        const PAUSE: Duration = Duration::from_secs(60);

        let is_due = |last: &UnixTime| now < *last || now.duration_since(*last) >= PAUSE;
        let mut alarms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alarm_due = alarms.get(&version).is_none_or(is_due);
        if is_alarm_due {
            alarms.insert(version, now);
        }
        is_alarm_due
    }

    pub(super) fn versions(&self) -> Vec<u32> {
        let alarms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        alarms.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarm_is_raised_once_a_minute_and_version() {
        let missing = MissingPeppers::default();
        let due = |version, at| missing.is_alarm_due(version, UnixTime::from_secs(at));
        assert_eq!([due(1, 100), due(1, 159), due(2, 159)], [true, false, true]);
        assert_eq!([due(1, 160), due(1, 219)], [true, false]);
        assert!(due(1, 50), "the clock was set back");
        assert_eq!(missing.versions(), [1, 2]);
    }
}
