//! How crates that have no layer are put into a tower client.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tower::{BoxError, Service};

use crate::{Bare, Body};

/// What puts credentials on a request, and may wait for them.
pub(crate) trait Authorize: Send + Sync + 'static {
    /// What is needed of the request when the answer is there.
    type Kept: Send;

    /// Puts them there.
    fn authorize(
        &self,
        request: &mut Request<Body>,
    ) -> impl Future<Output = Result<Self::Kept, BoxError>> + Send;

    /// Sees the answer.
    fn answered(&self, _kept: &Self::Kept, _response: &Response<Body>) {}
}

/// A client that authorizes each request before it is sent. As functions that wait have no name that a service could
/// give its future, that is boxed, as usual.
pub(crate) struct Wired<A> {
    authorize: Arc<A>,
    inner: Bare,
}

impl<A> Wired<A> {
    /// Around the bare client.
    pub(crate) fn new(authorize: A, inner: Bare) -> Self {
        let authorize = Arc::new(authorize);
        Self { authorize, inner }
    }
}

impl<A> Clone for Wired<A> {
    fn clone(&self) -> Self {
        let (authorize, inner) = (self.authorize.clone(), self.inner);
        Self { authorize, inner }
    }
}

impl<A: Authorize> Service<Request<Body>> for Wired<A> {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (authorize, mut inner) = (self.authorize.clone(), self.inner);
        Box::pin(async move {
            let kept = authorize.authorize(&mut request).await?;
            let response = inner.call(request).await?;
            authorize.answered(&kept, &response);
            Ok(response)
        })
    }
}

/// A service that is cloned for each call, for services that are always ready.
#[derive(Clone)]
pub(crate) struct Cloned<S>(pub(crate) S);

impl<S: Service<Request<Body>> + Clone> Service<Request<Body>> for Cloned<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.0.clone().call(request)
    }
}

/// Puts a token where it belongs, as reqwest's `bearer_auth` does.
///
/// # Errors
/// Where no header can carry it.
pub(crate) fn put(token: &str, request: &mut Request<Body>) -> Result<(), BoxError> {
    let header = header(token)?;
    request.headers_mut().insert(AUTHORIZATION, header);
    Ok(())
}

/// A token as a header.
///
/// # Errors
/// Where none can carry it.
pub(crate) fn header(token: &str) -> Result<HeaderValue, BoxError> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}
