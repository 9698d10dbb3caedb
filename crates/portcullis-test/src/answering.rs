//! Headers that an endpoint's good answers carry.

use http::{HeaderMap, HeaderName, HeaderValue};

/// How an endpoint answers when nothing is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answering {
    pub(crate) headers: HeaderMap,
    /// Whether answers have an `ETag`, and `If-None-Match` is heeded.
    pub(crate) etag: bool,
    /// Seconds that the `Date` header is off the issuer's clock.
    pub(crate) date_skew: i64,
    /// The bearer token that is asked for.
    pub(crate) bearer: Option<String>,
}

impl Answering {
    /// # Panics
    ///
    /// When name or value cannot stand in a header.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let name =
            HeaderName::try_from(name).unwrap_or_else(|_| panic!("{name:?} is no header name"));
        let value =
            HeaderValue::try_from(value).unwrap_or_else(|_| panic!("{value:?} is no header value"));
        self.headers.insert(name, value);
    }
}
