//! Counts the requests that a server still holds.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::Request;

#[derive(Clone, Default)]
pub(super) struct RequestCounter(Arc<AtomicUsize>);

impl RequestCounter {
    /// Counts a request until its extensions are dropped.
    pub(super) fn mark<B>(&self, mut request: Request<B>) -> Request<B> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let mark = Arc::new(Mark(self.clone()));
        request.extensions_mut().insert(mark);
        request
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The entry in the extensions of a request.
struct Mark(RequestCounter);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
