//! Faults of endpoints.

use std::time::Duration;

use serde_json::Value;

use crate::Endpoint;

/// A way for an endpoint to fail. Set one with [`TestIssuer::fault`](crate::TestIssuer::fault).
///
/// [`TestIssuer::stop`](crate::TestIssuer::stop) refuses connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The connection closes without an answer.
    Down,
    /// The good answer after this delay.
    Slow(Duration),
    /// The request is never answered.
    Hang,
    /// The head and half the body of the good answer, then nothing more on an open connection.
    Stalled,
    /// The head and half the body of the good answer, then the connection closes.
    CutOff,
    /// This status, with a JSON error as body. It is 500 for numbers outside 100 to 999.
    Status(u16),
    /// 429 (RFC 6585 §4), with `Retry-After` in whole seconds if given.
    TooManyRequests {
        /// The value of `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// 200 with an HTML page, as login walls and proxies send it.
    Html,
    /// 200 with an empty body.
    Empty,
    /// 200 with an empty key set, `{"keys":[]}`; an empty object at other endpoints.
    EmptySet,
    /// 200 with `null`.
    Null,
    /// 200 with the first half of the good answer as a complete body.
    Truncated,
    /// 200 with one JSON object of about this many bytes, chunked.
    Huge {
        /// The size of the body.
        bytes: usize,
    },
    /// 302 to this URL.
    Redirect(String),
    /// The good answer with its JSON changed, such as a key set with unusable keys among the published ones.
    Changed(fn(Value) -> Value),
    /// The good answer as `text/plain`.
    WrongContentType,
    /// 200 with this JSON.
    Json(Value),
    /// This status, content type and body.
    Answer {
        /// The status; 500 for numbers outside 100 to 999.
        status: u16,
        /// The `Content-Type`.
        content_type: &'static str,
        /// The body.
        body: Vec<u8>,
    },
}

/// The current faults, by [`Endpoint::index`].
#[derive(Default)]
pub(crate) struct Faults([Option<Current>; Endpoint::ALL.len()]);

struct Current {
    fault: Fault,
    /// The requests that it still applies to; `None` until healed.
    left: Option<usize>,
}

impl Faults {
    pub(crate) fn set(&mut self, endpoint: Endpoint, fault: Fault, times: Option<usize>) {
        self.0[endpoint.index()] = Some(Current { fault, left: times });
    }

    pub(crate) fn heal(&mut self, endpoint: Endpoint) {
        self.0[endpoint.index()] = None;
    }

    /// The fault for the next request.
    pub(crate) fn next(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let slot = &mut self.0[endpoint.index()];
        match slot.as_mut()?.left.as_mut() {
            Some(0) => {
                *slot = None;
                return None;
            }
            Some(left) => *left -= 1,
            None => {}
        }
        slot.as_ref().map(|current| current.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_for_two_requests_ends_after_two() {
        let mut faults = Faults::default();
        faults.set(Endpoint::Jwks, Fault::Null, Some(2));
        assert!(faults.next(Endpoint::Token).is_none());
        assert!(matches!(faults.next(Endpoint::Jwks), Some(Fault::Null)));
        assert!(matches!(faults.next(Endpoint::Jwks), Some(Fault::Null)));
        assert!(faults.next(Endpoint::Jwks).is_none());
    }

    #[test]
    fn a_fault_without_a_count_lasts_until_healed() {
        let mut faults = Faults::default();
        faults.set(Endpoint::Jwks, Fault::Hang, None);
        assert!(matches!(faults.next(Endpoint::Jwks), Some(Fault::Hang)));
        assert!(matches!(faults.next(Endpoint::Jwks), Some(Fault::Hang)));
        faults.heal(Endpoint::Jwks);
        assert!(faults.next(Endpoint::Jwks).is_none());
    }
}
