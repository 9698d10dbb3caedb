//! What requests carry, one after the other.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};

/// Header values in rotation.
#[derive(Clone)]
pub struct Load {
    name: HeaderName,
    values: Arc<[String]>,
    next: usize,
}

impl Load {
    /// These tokens under `Authorization: Bearer`.
    ///
    /// # Panics
    /// Where there are none.
    #[must_use]
    pub fn tokens(tokens: &[String]) -> Self {
        let values = tokens.iter().map(|token| format!("Bearer {token}"));
        Self::new(AUTHORIZATION, values.collect())
    }

    /// These values under a header of this name.
    ///
    /// # Panics
    /// Where there are none.
    #[must_use]
    pub fn new(name: HeaderName, values: Arc<[String]>) -> Self {
        assert!(!values.is_empty(), "a load has values");
        Self {
            name,
            values,
            next: 0,
        }
    }

    /// The same rotation, begun at another place.
    #[must_use]
    pub fn starting_at(mut self, next: usize) -> Self {
        self.next = next % self.values.len();
        self
    }

    /// All values, as they stand in the header.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// The next value.
    pub fn next_value(&mut self) -> &str {
        let at = self.next;
        self.next = (at + 1) % self.values.len();
        &self.values[at]
    }

    /// The headers of the next request, in buffers of their own as a server would have them.
    ///
    /// # Panics
    /// Where the value cannot stand in a header.
    pub fn next_headers(&mut self) -> HeaderMap {
        let value = HeaderValue::from_str(self.next_value()).expect("a header value");
        HeaderMap::from_iter([(self.name.clone(), value)])
    }
}
