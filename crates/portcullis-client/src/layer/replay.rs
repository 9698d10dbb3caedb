//! Bodies that can be sent a second time.

use bytes::Bytes;
use http_body_util::{Empty, Full};

/// Copies a body so that a request can be sent a second time.
///
/// Implemented by functions from `&B` to `Option<B>`, by [`ReplayBodies`] and by [`NoReplay`].
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

/// Copies bodies that implement [`ReplayBody`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplayBodies;

impl<B: ReplayBody> Replay<B> for ReplayBodies {
    fn replay(&self, body: &B) -> Option<B> {
        body.replay()
    }
}

impl<B, F: Fn(&B) -> Option<B>> Replay<B> for F {
    fn replay(&self, body: &B) -> Option<B> {
        self(body)
    }
}

/// A body that can be sent twice: see [`AddTokenLayer::replay_bodies`](crate::AddTokenLayer::replay_bodies).
pub trait ReplayBody: Sized {
    /// A copy of the body; `None` if it cannot be copied.
    fn replay(&self) -> Option<Self>;
}

impl<D: Clone> ReplayBody for Full<D> {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl<D> ReplayBody for Empty<D> {
    fn replay(&self) -> Option<Self> {
        Some(Self::new())
    }
}

impl ReplayBody for Bytes {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl ReplayBody for String {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }
}
