//! When a token is renewed and expires.

use std::time::Duration;

use portcullis_core::clock::UnixTime;
use portcullis_worker::Jitter;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// When a token in use is renewed: after 80 % of its lifetime, with jitter.
    refresh_at: UnixTime,
    /// When an unused token is renewed: at `refresh_at`, but no sooner than 5 s after the previous token request.
    pub(crate) idle_refresh_at: UnixTime,
    /// Until when the token is added to requests: before `expires_at`, so that it does not expire in transit.
    pub(crate) usable_until: UnixTime,
    pub(crate) expires_at: UnixTime,
    /// If the clock shows an earlier time, it was set back, and the age of the token is unknown.
    usable_from: UnixTime,
}

const MAX_EXPIRY_MARGIN: Duration = Duration::from_secs(30);

/// Limits the token requests for an unused token whose lifetime is a few seconds.
const MIN_IDLE_REFRESH: Duration = Duration::from_secs(5);

/// A clock correction up to this size does not invalidate a token.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

impl Lifetime {
    /// `requested_at` is the moment before the token request. The server counts from a later moment.
    pub(crate) fn new(requested_at: UnixTime, lifetime: Duration, jitter: Jitter) -> Self {
        let expires_at = requested_at.saturating_add(lifetime);
        let usable_until = expires_at.saturating_sub((lifetime / 10).min(MAX_EXPIRY_MARGIN));
        // A token that is not due must be usable: `TokenSource::current` relies on it.
        let refresh_after = jitter.spread(lifetime / 10 * 8);
        let refresh_at = requested_at.saturating_add(refresh_after).min(usable_until);
        Self {
            refresh_at,
            idle_refresh_at: refresh_at.max(requested_at.saturating_add(MIN_IDLE_REFRESH)),
            usable_until,
            expires_at,
            usable_from: requested_at.saturating_sub(CLOCK_TOLERANCE),
        }
    }

    /// Whether the token may be handed out. Setting the clock back does not make an old token usable.
    #[inline]
    pub(crate) fn is_usable(&self, now: UnixTime) -> bool {
        self.usable_from <= now && now < self.usable_until
    }

    #[inline]
    pub(crate) fn is_due(&self, now: UnixTime) -> bool {
        now < self.usable_from || self.refresh_at <= now
    }

    pub(crate) fn is_due_idle(&self, now: UnixTime) -> bool {
        now < self.usable_from || self.idle_refresh_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const START: UnixTime = UnixTime::from_secs(1_000_000);

    fn at(seconds: u64) -> UnixTime {
        START.saturating_add(secs(seconds))
    }

    #[test]
    fn token_is_renewed_at_80_percent_and_unusable_in_its_last_tenth_or_30_s() {
        for (lifetime, refresh, usable_until) in [
            (60, 48, 54),
            (300, 240, 270),
            (3600, 2880, 3570),
            (10, 8, 9),
        ] {
            let token = Lifetime::new(START, secs(lifetime), Jitter::MIDDLE);
            assert_eq!(token.refresh_at, at(refresh), "{lifetime}");
            assert_eq!(token.usable_until, at(usable_until), "{lifetime}");
            assert_eq!(token.expires_at, at(lifetime), "{lifetime}");
            assert!(token.is_usable(START) && !token.is_due(START));
            assert!(token.is_usable(at(usable_until - 1)) && !token.is_usable(at(usable_until)));
            assert!(!token.is_due(at(refresh - 1)) && token.is_due(at(refresh)));
        }
    }

    #[test]
    fn unused_short_lived_token_is_renewed_after_5_s() {
        for (lifetime, idle) in [(1, 5), (6, 5), (10, 8), (60, 48)] {
            let token = Lifetime::new(START, secs(lifetime), Jitter::MIDDLE);
            assert!(!token.is_due_idle(at(idle - 1)), "{lifetime}");
            assert!(token.is_due_idle(at(idle)), "{lifetime}");
            assert!(token.is_due(at(idle)), "{lifetime}");
        }
    }

    #[test]
    fn jitter_keeps_the_renewal_before_the_expiry_margin() {
        for lifetime in 1..5_000 {
            for bits in [0, u64::MAX] {
                let token = Lifetime::new(START, secs(lifetime), Jitter::from_bits(bits));
                assert!(token.refresh_at < token.usable_until, "{lifetime}");
                assert!(token.refresh_at >= START.saturating_add(secs(lifetime).mul_f64(0.7)));
            }
        }
    }

    #[test]
    fn times_saturate_at_the_maximum() {
        for left in [0, 1, 5, 29, 60] {
            let start = UnixTime::from_secs(u64::MAX - left);
            let token = Lifetime::new(start, secs(3600), Jitter::MIDDLE);
            assert!(token.refresh_at <= token.usable_until, "{left}: {token:?}");
        }
    }

    #[test]
    fn setting_the_clock_back_makes_the_token_unusable() {
        let token = Lifetime::new(START, secs(3600), Jitter::MIDDLE);
        let back = START.saturating_sub(secs(6));
        assert!(!token.is_usable(back) && token.is_due(back));
        assert!(
            token.is_usable(START.saturating_sub(secs(5))),
            "a small correction"
        );
    }
}
