//! The fields of `draft-ietf-httpapi-ratelimit-headers`.

use std::{fmt::Write as _, time::Duration};

use http::{HeaderName, HeaderValue};

use super::rate::Limit;

/// `RateLimit-Policy` with every limit that applies to the request, and `RateLimit` with the exceeded one. A policy is a name and
/// its limit.
///
/// Draft 12 (November 2026) calls the available quota `a` and the effective window `w`; drafts 8 to 11 call them `r` and `t`. Both
/// require recipients to ignore other parameters, so both are sent.
pub(crate) fn rate_limit_fields(
    policies: &[(&'static str, Limit)],
    exceeded: &'static str,
    retry_after: Duration,
) -> [(HeaderName, HeaderValue); 2] {
    let mut policy = String::new();
    for (name, limit) in policies {
        let separator = if policy.is_empty() { "" } else { ", " };
        let (quota, window) = (limit.requests(), whole_seconds(limit.period()));
        // Writing to a string cannot fail.
        let _ = write!(policy, "{separator}\"{name}\";q={quota};w={window}");
    }
    let wait = whole_seconds(retry_after);
    let current = format!("\"{exceeded}\";a=0;w={wait};r=0;t={wait}");
    [
        (HeaderName::from_static("ratelimit-policy"), policy),
        (HeaderName::from_static("ratelimit"), current),
    ]
    .map(|(name, text)| {
        let value = HeaderValue::try_from(text).expect("letters, digits and punctuation");
        (name, value)
    })
}

/// Rounds up, as `Retry-After` does.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
