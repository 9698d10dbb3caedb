//! Response headers about time, and request headers with a secret.

use std::time::Duration;

use bytes::Bytes;
use portcullis_core::clock::UnixTime;
use reqwest::header::{
    AGE, CACHE_CONTROL, DATE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, RETRY_AFTER,
};
use zeroize::Zeroizing;

/// The remaining freshness lifetime (RFC 9111 §4.2). `no-store`, `no-cache` and invalid values count as zero (§4.2.1).
pub(super) fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let age = text(headers, AGE).and_then(seconds).unwrap_or_default();
    Some(freshness(headers)?.saturating_sub(age))
}

fn freshness(headers: &HeaderMap) -> Option<Duration> {
    let mut found: Option<Duration> = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or("no-store").split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            let name = name.trim();
            let allowed = if name.eq_ignore_ascii_case("max-age") {
                seconds(argument.trim().trim_matches('"')).unwrap_or_default()
            } else if ["no-store", "no-cache"].contains(&&*name.to_ascii_lowercase()) {
                Duration::ZERO
            } else {
                continue;
            };
            found = Some(found.map_or(allowed, |found| found.min(allowed)));
        }
    }
    found
}

/// `Retry-After` (RFC 9110 §10.2.3), in seconds or as a date by the server's clock.
pub(super) fn retry_after(headers: &HeaderMap, now: UnixTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?;
    seconds(value).or_else(|| {
        let until = UnixTime::from(httpdate::parse_http_date(value).ok()?);
        Some(until.duration_since(date(headers).unwrap_or(now)))
    })
}

/// The server's clock when it answered (RFC 9110 §6.6.1). `None` for an answer from a cache.
pub(super) fn date(headers: &HeaderMap) -> Option<UnixTime> {
    if text(headers, AGE).is_some_and(|age| age.trim() != "0") {
        return None;
    }
    let date = httpdate::parse_http_date(text(headers, DATE)?).ok()?;
    Some(date.into())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// `delta-seconds`, saturating (RFC 9111 §1.2.2).
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

/// A header value whose memory is zeroed when the last clone is dropped. It is marked as sensitive.
///
/// # Errors
///
/// When the text has characters that a header cannot carry.
pub fn secret_header(text: Zeroizing<Vec<u8>>) -> Result<HeaderValue, InvalidHeaderValue> {
    // `HeaderValue` keeps a `Bytes` without copying. It copies other buffers, and a copy would not be zeroed.
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn max_age_is_read_from_cache_control() {
        for (value, expected) in [
            ("max-age=600", Some(600)),
            ("public, Max-Age=3600, must-revalidate", Some(3600)),
            ("max-age=\"60\"", Some(60)),
            ("no-cache, max-age=0, must-revalidate", Some(0)),
            ("no-cache", Some(0)),
            ("no-store, max-age=600", Some(0)),
            ("max-age=600, max-age=300", Some(300)),
            ("max-age=-5", Some(0)),
            ("max-age=soon", Some(0)),
            ("max-age", Some(0)),
            ("max-age=99999999999999999999999", Some(u64::MAX)),
            ("s-maxage=600", None),
            ("public", None),
            ("", None),
            (",,=,", None),
        ] {
            let found = max_age(&headers(&[("cache-control", value)]));
            assert_eq!(found, expected.map(Duration::from_secs), "{value}");
        }
        assert_eq!(max_age(&HeaderMap::new()), None);
        for (age, left) in [
            ("0", 600),
            ("599", 1),
            ("600", 0),
            ("9999", 0),
            ("-1", 600),
            ("x", 600),
        ] {
            let kept = headers(&[("cache-control", "max-age=600"), ("age", age)]);
            assert_eq!(max_age(&kept), Some(Duration::from_secs(left)), "{age}");
        }
        assert_eq!(max_age(&headers(&[("age", "5")])), None);
        let twice = headers(&[("cache-control", "public"), ("cache-control", "max-age=30")]);
        assert_eq!(max_age(&twice), Some(Duration::from_secs(30)));
    }

    #[test]
    fn retry_after_is_read_in_seconds_or_as_a_date() {
        let now = UnixTime::from_secs(784_111_777);
        for (value, expected) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let found = retry_after(&headers(&[("retry-after", value)]), now);
            assert_eq!(found, expected.map(Duration::from_secs), "{value}");
        }
        let by_its_clock = headers(&[
            ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"),
            ("date", "Sun, 06 Nov 1994 08:50:07 GMT"),
        ]);
        assert_eq!(
            retry_after(&by_its_clock, now),
            Some(Duration::from_secs(30)),
            "our clock may be off"
        );
    }

    #[test]
    fn date_of_a_cached_answer_is_ignored() {
        let sent = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            date(&headers(&[sent])),
            Some(UnixTime::from_secs(784_111_777))
        );
        assert_eq!(
            date(&headers(&[sent, ("age", "0")])),
            Some(UnixTime::from_secs(784_111_777))
        );
        assert_eq!(
            date(&headers(&[sent, ("age", "500")])),
            None,
            "a cache answered"
        );
        assert_eq!(date(&headers(&[("date", "yesterday")])), None);
    }
}
