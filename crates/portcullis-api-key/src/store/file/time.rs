//! RFC 3339 times, to the millisecond.

use std::time::Duration;

use jiff::Timestamp;
use portcullis_core::clock::UnixTime;
use toml::value::Datetime;

/// A time as key files have it: RFC 3339, UTC. A time after 9999-12-30T22:00:00.999999999Z, the last that `jiff` can hold,
/// becomes that time.
#[must_use]
pub fn to_rfc3339(time: UnixTime) -> String {
    let millis = i64::try_from(time.as_duration().as_millis()).unwrap_or(i64::MAX);
    let timestamp = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    timestamp.to_string()
}

/// `None` when the offset from UTC is missing, or the time is before 1970.
pub(super) fn from_toml(time: &Datetime) -> Option<UnixTime> {
    time.offset?;
    let timestamp: Timestamp = time.to_string().parse().ok()?;
    let millis = u64::try_from(timestamp.as_millisecond()).ok()?;
    Some(UnixTime::from_duration(Duration::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<UnixTime> {
        from_toml(&text.parse().expect("a TOML time"))
    }

    #[test]
    fn written_times_are_read_back() {
        for millis in [0, 1, 999, 1_000, 1_800_000_000_123, 253_402_207_200_000] {
            let time = UnixTime::from_duration(Duration::from_millis(millis));
            assert_eq!(parse(&to_rfc3339(time)), Some(time));
        }
        for seconds in [253_402_300_800, u64::MAX] {
            let written = to_rfc3339(UnixTime::from_secs(seconds));
            assert!(written.starts_with("9999-12-30T"), "{written}");
        }
    }

    #[test]
    fn time_without_an_offset_is_rejected() {
        let expected = Some(UnixTime::from_secs(1_767_225_600));
        for text in [
            "2026-01-01T00:00:00Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T01:00:00+01:00",
            "2025-12-31T16:00:00.000-08:00",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        for text in [
            "2026-01-01",
            "2026-01-01T00:00:00",
            "00:00:00",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
