use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{future::AuthenticateFuture, settings::Settings};
use crate::{
    authentication::Authentication,
    body::GuardBody,
    scheme::{Head, Outcome},
};

/// A service whose requests are authenticated: see [`AuthenticateLayer`](crate::AuthenticateLayer).
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<Settings>,
}

impl<S, B, R> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Body<Data = Bytes>,
{
    type Response = Response<GuardBody<R>>;
    type Error = S::Error;
    type Future = AuthenticateFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Self { inner, settings } = self;
        if request.extensions().get::<Authentication>().is_some() {
            return AuthenticateFuture::refused(settings, settings.second_layer(), &request);
        }
        let head = Head::new(&request, &settings.fact_finders);
        match settings.schemes.authenticate(&head) {
            Some((index, Outcome::Done(Ok(principal)))) => {
                settings.accept(&mut request, principal, index);
                AuthenticateFuture::passed(inner, settings, request)
            }
            Some((index, Outcome::Done(Err(failure)))) => {
                AuthenticateFuture::refused(settings, settings.refusal(failure, index), &request)
            }
            Some((index, Outcome::Pending(pending))) => {
                AuthenticateFuture::waiting(inner, settings, pending, request, index)
            }
            None => AuthenticateFuture::anonymous(inner, settings, request),
        }
    }
}
