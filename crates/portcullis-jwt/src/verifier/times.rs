//! The rules for `exp`, `nbf` and `iat` (RFC 7519 §4.1.4–6, RFC 9068 §4).

use std::{ops::Range, time::Duration};

use portcullis_core::clock::UnixTime;

use crate::VerifyError;

#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeRules {
    pub(crate) leeway: Duration,
    pub(crate) max_lifetime: Duration,
}

impl TimeRules {
    /// 60 s is enough for synchronized clocks. A token that lives longer than 48 h is like a key that cannot be revoked.
    pub(crate) const DEFAULT: Self = Self {
        leeway: Duration::from_secs(60),
        max_lifetime: Duration::from_secs(48 * 60 * 60),
    };
    /// "No more than a few minutes" (RFC 7519 §4.1.4).
    pub(crate) const MAX_LEEWAY: Duration = Duration::from_secs(5 * 60);

    /// Checks the times of a token. Returns the span of time in which the token is accepted.
    pub(crate) fn check(
        &self,
        expires_at: UnixTime,
        not_before: Option<UnixTime>,
        issued_at: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<Validity, VerifyError> {
        // A token is expired at the time `exp` (RFC 7519 §4.1.4), and valid at the time `nbf` (§4.1.5).
        let end = expires_at.saturating_add(self.leeway);
        let mut start = UnixTime::from_secs(0);
        let limit = self.max_lifetime;
        let too_long = |lifetime| VerifyError::Lifetime { lifetime, limit };
        if now >= end {
            let ago = now.duration_since(expires_at);
            return Err(VerifyError::Expired(ago, self.leeway));
        }
        if let Some(not_before) = not_before {
            start = not_before.saturating_sub(self.leeway);
            if now < start {
                let away = not_before.duration_since(now);
                return Err(VerifyError::NotYetValid(away, self.leeway));
            }
        }
        if let Some(issued_at) = issued_at {
            start = start.max(issued_at.saturating_sub(self.leeway));
            if now < start {
                let away = issued_at.duration_since(now);
                return Err(VerifyError::IssuedInTheFuture(away, self.leeway));
            }
            if expires_at < issued_at {
                return Err(VerifyError::ExpiresBeforeIssued);
            }
            let lifetime = expires_at.duration_since(issued_at);
            if lifetime > self.max_lifetime {
                return Err(too_long(lifetime));
            }
        }
        // The limit for a token without `iat`. If there is one, this does not change `start`.
        let longest = self.max_lifetime.saturating_add(self.leeway);
        start = start.max(expires_at.saturating_sub(longest));
        if now < start {
            return Err(too_long(expires_at.duration_since(now)));
        }
        Ok(start..end)
    }
}

/// The span of time in which [`TimeRules::check`] accepts a token.
pub(crate) type Validity = Range<UnixTime>;

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: TimeRules = TimeRules::DEFAULT;
    const DAY: u64 = 24 * 60 * 60;

    fn check(exp: u64, nbf: Option<u64>, iat: Option<u64>, now: u64) -> Result<(), VerifyError> {
        let at = UnixTime::from_secs;
        let checked = RULES.check(at(exp), nbf.map(at), iat.map(at), at(now));
        checked.map(|_| ())
    }

    #[test]
    fn a2_exp_holds_until_just_before_the_leeway_ends() {
        assert_eq!(check(1_000, None, Some(900), 1_059), Ok(()));
        assert_eq!(
            check(1_000, None, Some(900), 1_060),
            Err(VerifyError::Expired(Duration::from_secs(60), RULES.leeway))
        );
        let just_before = UnixTime::from_duration(Duration::from_millis(1_059_999));
        let checked = RULES.check(UnixTime::from_secs(1_000), None, None, just_before);
        assert!(checked.is_ok());
    }

    #[test]
    fn a2_nbf_holds_from_the_leeway_on() {
        assert_eq!(check(2_000, Some(1_060), None, 1_000), Ok(()));
        assert_eq!(
            check(2_000, Some(1_061), None, 1_000),
            Err(VerifyError::NotYetValid(
                Duration::from_secs(61),
                RULES.leeway
            ))
        );
    }

    #[test]
    fn a2_iat_in_the_future_is_rejected() {
        assert_eq!(check(2_000, None, Some(1_060), 1_000), Ok(()));
        assert_eq!(
            check(2_000, None, Some(1_061), 1_000),
            Err(VerifyError::IssuedInTheFuture(
                Duration::from_secs(61),
                RULES.leeway
            ))
        );
    }

    #[test]
    fn times_in_messages_name_the_leeway_and_are_rounded_up() {
        let error = VerifyError::NotYetValid(Duration::from_millis(60_400), RULES.leeway);
        assert_eq!(
            error.to_string(),
            "not valid yet: `nbf` is 61 s in the future, the `leeway` is 60 s: check the clocks of the issuer and of \
             this machine"
        );
    }

    #[test]
    fn a2_lifetime_is_bounded_and_not_negative() {
        assert_eq!(check(1_000 + 2 * DAY, None, Some(1_000), 1_000), Ok(()));
        let too_long = |seconds: u64| {
            Err(VerifyError::Lifetime {
                lifetime: Duration::from_secs(seconds),
                limit: Duration::from_secs(2 * DAY),
            })
        };
        assert_eq!(
            check(1_001 + 2 * DAY, None, Some(1_000), 1_000),
            too_long(1 + 2 * DAY)
        );
        assert_eq!(
            check(1_000, None, Some(1_001), 1_000),
            Err(VerifyError::ExpiresBeforeIssued)
        );
        assert_eq!(check(1_060 + 2 * DAY, None, None, 1_000), Ok(()));
        assert_eq!(
            check(1_061 + 2 * DAY, None, None, 1_000),
            too_long(61 + 2 * DAY)
        );
    }

    #[test]
    fn times_in_milliseconds_are_rejected() {
        let now = 1_800_000_000;
        assert!(check((now + 300) * 1_000, None, Some(now), now).is_err());
        assert!(check((now + 300) * 1_000, None, Some(now * 1_000), now).is_err());
        assert!(check((now + 300) * 1_000, None, None, now).is_err());
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let end = UnixTime::from_duration(Duration::MAX);
        let start = UnixTime::default();
        for exp in [start, end] {
            for other in [start, end] {
                for now in [start, end] {
                    let _ = RULES.check(exp, Some(other), Some(other), now);
                }
            }
        }
    }

    #[test]
    fn validity_equals_the_check_at_every_time() {
        // Around each limit, every time beside every other.
        let leeway = RULES.leeway.as_secs();
        let at = |second: u64| UnixTime::from_secs(second);
        let moments: Vec<u64> = [0, 1_000, 5_000, 5_000 + 2 * DAY]
            .into_iter()
            .flat_map(|moment| [moment, moment + leeway, moment.saturating_sub(leeway)])
            .flat_map(|moment| [moment.saturating_sub(1), moment, moment + 1])
            .chain([u64::MAX])
            .collect();
        let times = || moments.iter().copied().map(Some).chain([None]);
        let mut accepted = 0;
        for &exp in &moments {
            for nbf in times() {
                for iat in times() {
                    let (nbf, iat) = (nbf.map(at), iat.map(at));
                    let check = |now: &u64| RULES.check(at(exp), nbf, iat, at(*now)).ok();
                    let Some(validity) = moments.iter().find_map(check) else {
                        continue;
                    };
                    for now in &moments {
                        let expected = validity.contains(&at(*now)).then_some(&validity);
                        assert_eq!(
                            check(now).as_ref(),
                            expected,
                            "exp {exp}, nbf {nbf:?}, iat {iat:?}, now {now}"
                        );
                        accepted += usize::from(expected.is_some());
                    }
                }
            }
        }
        assert!(accepted > 1_000, "{accepted}");
    }
}
