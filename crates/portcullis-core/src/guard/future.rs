use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::GuardBody;

pin_project! {
    /// The inner service's future, or a refusal. The authenticate layer's future contains one too.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct GuardFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProjection]
    enum State<F> {
        Passed { #[pin] future: F },
        Refused { response: Option<Box<Response<Bytes>>> },
    }
}

impl<F> GuardFuture<F> {
    #[inline]
    pub(crate) fn passed(future: F) -> Self {
        Self {
            state: State::Passed { future },
        }
    }

    pub(crate) fn refused(response: Response<Bytes>) -> Self {
        Self {
            state: State::Refused {
                response: Some(Box::new(response)),
            },
        }
    }
}

impl<F, R, E> Future for GuardFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<GuardBody<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passed { future } => Poll::Ready(
                ready!(future.poll(context)).map(|response| response.map(GuardBody::inner)),
            ),
            StateProjection::Refused { response } => {
                let response = response
                    .take()
                    .expect("a future is not polled after it has completed");
                Poll::Ready(Ok(response.map(GuardBody::refusal)))
            }
        }
    }
}
