//! A tower client for crates that have no layer of their own.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tower::{BoxError, Service};

use crate::{Bare, Body};

/// Puts credentials on a request, and may wait for them.
pub(crate) trait Authorize: Send + Sync + 'static {
    /// Adds the credentials.
    fn authorize(
        &self,
        request: &mut Request<Body>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Reads the response to a request that was authorized.
    fn answered(&self, _response: &Response<Body>) {}
}

/// Authorizes each request before it is sent. The future of an async function has no name, so it is boxed, as usual.
pub(crate) struct Authorizing<A>(Arc<A>);

impl<A> Authorizing<A> {
    pub(crate) fn new(authorize: A) -> Self {
        Self(Arc::new(authorize))
    }
}

impl<A> Clone for Authorizing<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Authorize> Service<Request<Body>> for Authorizing<A> {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let authorize = Arc::clone(&self.0);
        Box::pin(async move {
            authorize.authorize(&mut request).await?;
            let response = Bare.call(request).await?;
            authorize.answered(&response);
            Ok(response)
        })
    }
}

/// Adds a bearer token, as reqwest's `bearer_auth` does.
pub(crate) fn add(token: &str, request: &mut Request<Body>) -> Result<(), BoxError> {
    request.headers_mut().insert(AUTHORIZATION, header(token)?);
    Ok(())
}

/// The header value of a bearer token.
pub(crate) fn header(token: &str) -> Result<HeaderValue, BoxError> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}
