//! Limits of the use of keys.

mod fields;
mod limiter;
#[cfg(feature = "limit")]
mod local;
mod rate;

pub(crate) use fields::rate_limit_fields;
pub use limiter::{LimitCheck, LimitDecision, LimitSubject, Limiter, PendingLimitDecision, Quota};
#[cfg(feature = "limit")]
pub use local::LocalLimiter;
pub use rate::Limit;
