//! Bodies that can be sent a second time.

/// Copies the body of a request, so that it can be sent a second time.
///
/// Implemented by functions from `&B` to `Option<B>`, and by [`NoReplay`].
pub trait CopyBody<B> {
    /// A copy of the body; `None` if it cannot be copied.
    fn copy_body(&self, body: &B) -> Option<B>;
}

/// Never sends a request again: a rejection is returned to the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplay;

impl<B> CopyBody<B> for NoReplay {
    #[inline]
    fn copy_body(&self, _: &B) -> Option<B> {
        None
    }
}

impl<B, F: Fn(&B) -> Option<B>> CopyBody<B> for F {
    fn copy_body(&self, body: &B) -> Option<B> {
        self(body)
    }
}
