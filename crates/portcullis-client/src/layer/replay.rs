//! Bodies that can be sent a second time.

/// Copies a body so that a request can be sent a second time.
///
/// Implemented by functions from `&B` to `Option<B>`, and by [`NoReplay`].
pub trait Replay<B> {
    /// A copy of the body; `None` if it cannot be copied.
    fn replay(&self, body: &B) -> Option<B>;
}

/// Never sends a request again: a rejection is returned to the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplay;

impl<B> Replay<B> for NoReplay {
    #[inline]
    fn replay(&self, _: &B) -> Option<B> {
        None
    }
}

impl<B, F: Fn(&B) -> Option<B>> Replay<B> for F {
    fn replay(&self, body: &B) -> Option<B> {
        self(body)
    }
}
