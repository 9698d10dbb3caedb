//! Faults of endpoints.

use std::time::Duration;

use serde_json::Value;

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
