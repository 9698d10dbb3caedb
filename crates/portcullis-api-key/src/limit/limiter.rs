use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use portcullis_core::clock::UnixTime;

use super::rate::Limit;
use crate::format::ApiKeyId;

/// Counts requests against limits. `LocalLimiter` (feature `limit`) counts in this process; the crate `portcullis-redis` counts
/// for all instances together.
///
/// The scheme asks only after the secret of a key was verified, so a stranger who knows an id cannot use up its limit.
///
/// ```
/// use portcullis_api_key::{LimitCheck, LimitDecision, Limiter, Quota};
/// use portcullis_core::clock::UnixTime;
///
/// /// Lets every request pass.
/// struct Unlimited;
///
/// impl Limiter for Unlimited {
///     fn check(&self, _: &[Quota<'_>], _: UnixTime) -> LimitCheck {
///         LimitCheck::Ready(LimitDecision::Admitted)
///     }
/// }
/// ```
pub trait Limiter: Send + Sync + 'static {
    /// Counts one request against each of the quotas, which are one or two. `now` is the time of the scheme's clock.
    ///
    /// A refused request should count against none of them. A limiter that cannot reach its counters decides anyway: it has no
    /// way to report an error.
    fn check(&self, quotas: &[Quota<'_>], now: UnixTime) -> LimitCheck;
}

impl<T: Limiter + ?Sized> Limiter for Arc<T> {
    fn check(&self, quotas: &[Quota<'_>], now: UnixTime) -> LimitCheck {
        (**self).check(quotas, now)
    }
}

impl fmt::Debug for dyn Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limiter")
    }
}

/// A limit, and whose requests count against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a subject and its limit")]
pub struct Quota<'a> {
    /// Whose requests count.
    pub subject: LimitSubject<'a>,
    /// The limit.
    pub limit: Limit,
}

/// Whose requests count against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "every limiter handles both")]
pub enum LimitSubject<'a> {
    /// Those with this key.
    Key(&'a ApiKeyId),
    /// Those with any key of this owner.
    Owner(&'a str),
}

/// A limiter's answer.
#[expect(
    clippy::exhaustive_enums,
    reason = "a limiter must give one of these answers"
)]
#[must_use]
pub enum LimitCheck {
    /// The decision, known at once.
    Ready(LimitDecision),
    /// The decision waits for IO. Only this case costs a boxed future.
    Pending(PendingLimitDecision),
}

impl fmt::Debug for LimitCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(decision) => f.debug_tuple("Ready").field(decision).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// The future of a decision. It may be dropped at any time, for example when the caller disconnects.
pub type PendingLimitDecision = Pin<Box<dyn Future<Output = LimitDecision> + Send>>;

/// Whether a request is within its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "every limiter decides so")]
pub enum LimitDecision {
    /// It is within all of them.
    Admitted,
    /// It is over a limit.
    Exceeded {
        /// The place of the exceeded quota in the slice: the one with the longest wait, if several are exceeded.
        quota: usize,
        /// When a request will be within the limit again.
        retry_after: Duration,
    },
}
