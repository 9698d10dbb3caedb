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
            let refusal = settings.second_layer_refusal();
            return AuthenticateFuture::refused(settings, refusal, &request);
        }
        let head = Head::new(&request, &settings.fact_finders);
        match settings.schemes.authenticate(&head) {
            Some((scheme_index, Outcome::Done(verdict))) => {
                if let Err(refusal) = settings.accept(verdict, scheme_index, &mut request) {
                    return AuthenticateFuture::refused(settings, refusal, &request);
                }
                AuthenticateFuture::call_inner(inner, settings, request)
            }
            Some((scheme_index, Outcome::Pending(pending))) => {
                AuthenticateFuture::waiting(inner, settings, pending, scheme_index, request)
            }
            None => AuthenticateFuture::anonymous(inner, settings, request),
        }
    }
}
