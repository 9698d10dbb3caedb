//! Bodies that end well, or do not.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// A response body as a list of what happens, in order.
pub(super) struct Body(VecDeque<Step>);

pub(super) enum Step {
    /// These bytes come.
    Data(Bytes),
    /// These bytes come so many times, at least once.
    Repeat(Bytes, usize),
    /// The connection closes.
    Close,
    /// Nothing comes any more.
    Stall,
}

impl Body {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::steps([Step::Data(bytes)])
    }

    pub(super) fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = steps.into_iter();
        Self(
            steps
                .filter(|step| !matches!(step, Step::Data(bytes) if bytes.is_empty()))
                .collect(),
        )
    }
}

/// The body was to break off here.
#[derive(Debug, thiserror::Error)]
#[error("broken off")]
pub(super) struct BrokenOff;

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let frame = match self.0.pop_front() {
            None => return Poll::Ready(None),
            Some(Step::Close) => Err(BrokenOff),
            // Nothing will wake it: it ends with its connection.
            Some(Step::Stall) => {
                self.0.push_front(Step::Stall);
                return Poll::Pending;
            }
            Some(Step::Data(bytes)) => Ok(Frame::data(bytes)),
            Some(Step::Repeat(bytes, times)) => {
                if times > 1 {
                    self.0.push_front(Step::Repeat(bytes.clone(), times - 1));
                }
                Ok(Frame::data(bytes))
            }
        };
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let known = |step: &Step| match step {
            Step::Data(bytes) => Some(bytes.len() as u64),
            _ => None,
        };
        match self.0.iter().map(known).sum::<Option<u64>>() {
            Some(length) => SizeHint::with_exact(length),
            None => SizeHint::default(),
        }
    }
}
