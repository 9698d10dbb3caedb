use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::GuardFuture;
use crate::{Authentication, GuardBody, Principal, refusal_log::RefusalLog};

/// Lets only machines through: a user's token is not a machine's, whatever its scopes (RFC 9700 §4.15).
///
/// A caller whose credential does not tell what it is gets 403 too. Otherwise it answers as
/// [`RequireScopeLayer`](crate::RequireScopeLayer) does.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequireMachineLayer(());

impl RequireMachineLayer {
    /// The layer. There is nothing to set.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for RequireMachineLayer {
    type Service = RequireMachine<S>;

    fn layer(&self, inner: S) -> RequireMachine<S> {
        RequireMachine {
            inner,
            log: Arc::default(),
        }
    }
}

/// A service that only machines reach: see [`RequireMachineLayer`].
#[derive(Clone, Debug)]
pub struct RequireMachine<S> {
    inner: S,
    /// For refusals that no scheme's log counts, since there is no layer in front.
    log: Arc<RefusalLog>,
}

impl<S, B, R> Service<Request<B>> for RequireMachine<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<GuardBody<R>>;
    type Error = S::Error;
    type Future = GuardFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match Authentication::require(request.extensions()).and_then(Principal::require_machine) {
            Ok(()) => GuardFuture::passed(self.inner.call(request)),
            Err(refusal) => GuardFuture::refused(refusal.logged_by(&self.log).of_request(&request)),
        }
    }
}
