//! Sending a request once more.

use bytes::Bytes;
use http_body_util::{Empty, Full};

/// Whether and how a body can be sent a second time.
///
/// Implemented by functions from `&B` to `Option<B>`, by [`ReplayBodies`] and by [`NoReplay`].
pub trait Replay<B> {
    /// The same body again; `None` where it cannot be had.
    fn replay(&self, body: &B) -> Option<B>;
}

/// Sends nothing twice: a refusal is passed on as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplay;

impl<B> Replay<B> for NoReplay {
    #[inline]
    fn replay(&self, _: &B) -> Option<B> {
        None
    }
}

/// Sends again what is a [`ReplayBody`].
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
    /// The same body again.
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
