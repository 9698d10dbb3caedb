//! What no client that keeps its credential to itself can do without, written out for one origin and one token.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{
    HeaderValue, Request, Response,
    header::{AUTHORIZATION, HOST},
    uri::{Authority, Scheme},
};
use portcullis_core::{Clock, SystemClock, UnixTime};
use tower::{BoxError, Service};

use crate::{Bare, Body, bare::ORIGIN};

/// Puts one header on the calls that may have it.
#[derive(Clone)]
pub(super) struct Checked {
    header: HeaderValue,
    serves_until: UnixTime,
    inner: Bare,
}

impl Checked {
    pub(super) fn new(header: HeaderValue, inner: Bare) -> Self {
        let serves_until = SystemClock.now().saturating_add(Duration::from_hours(1));
        Self {
            header,
            serves_until,
            inner,
        }
    }
}

impl Service<Request<Body>> for Checked {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Sent<<Bare as Service<Request<Body>>>::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let uri = request.uri();
        let is_there = uri.scheme() == Some(&Scheme::HTTPS)
            && uri.authority().map(Authority::as_str) == ORIGIN.strip_prefix("https://")
            && !request.headers().keys().any(|name| name == HOST);
        if !is_there || SystemClock.now() >= self.serves_until {
            return Sent::Refused;
        }
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.header.clone());
        Sent::Called(self.inner.call(request))
    }
}

pub(super) enum Sent<F> {
    Called(F),
    Refused,
}

impl<F, T, E> Future for Sent<F>
where
    F: Future<Output = Result<T, E>> + Unpin,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Called(future) => Pin::new(future).poll(context).map_err(Into::into),
            Self::Refused => Poll::Ready(Err("it may not be sent".into())),
        }
    }
}
