//! Bounds and sizes of the public types.

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::Full;
use portcullis_core::{
    AuthenticateLayer, Authentication, Principal, Refusal, RequireMachineLayer, RequireScopeLayer,
    Scope, ScopePolicy, ScopeSet, ScopesByPath, Secret,
    scheme::{Challenge, Failure, Scheme},
    service::{Authenticate, AuthenticateFuture, Guard, GuardBody, GuardFuture},
};
use tower::{Layer, Service};

use crate::support::Fake;

fn shared<T: Clone + Send + Sync + Unpin + 'static>() {}
fn sent<T: Send>() {}
fn debug<T: std::fmt::Debug>() {}

#[test]
fn layers_and_values_can_be_shared() {
    shared::<AuthenticateLayer>();
    shared::<RequireScopeLayer>();
    shared::<RequireMachineLayer>();
    shared::<Authentication>();
    shared::<Principal>();
    shared::<Refusal>();
    shared::<Failure>();
    shared::<Challenge>();
    shared::<Scope>();
    shared::<ScopeSet>();
    shared::<ScopePolicy>();
    shared::<ScopesByPath>();
    shared::<Secret>();
}

/// An inner service whose future is `Send` and not `Sync`, as an `async` block's often is.
#[derive(Clone)]
struct Handler;

impl<B> Service<Request<B>> for Handler {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = Infallible;
    type Future = std::pin::Pin<
        Box<dyn Future<Output = Result<Response<Full<bytes::Bytes>>, Infallible>> + Send>,
    >;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        Box::pin(async { Ok(Response::new(Full::default())) })
    }
}

/// A body that is only `Send`.
type RequestBody = std::cell::Cell<Vec<u8>>;

#[test]
fn services_and_futures_follow_the_inner_service() {
    shared::<Authenticate<Handler>>();
    shared::<Guard<Handler>>();
    sent::<AuthenticateFuture<Handler, RequestBody>>();
    sent::<GuardFuture<<Handler as Service<Request<RequestBody>>>::Future>>();
    sent::<GuardBody<std::cell::Cell<u8>>>();
    debug::<AuthenticateFuture<Handler, RequestBody>>();
    debug::<Authenticate<u8>>();
    debug::<GuardBody<u8>>();
}

/// Request bodies have no bound at all: this one is not even `Send`.
#[tokio::test]
async fn request_body_needs_no_bounds() {
    let request = Request::new(std::rc::Rc::new(()));
    let service = (
        AuthenticateLayer::new(Fake::bearer()),
        RequireMachineLayer::new(),
    )
        .layer(Handler);
    let response = tower::ServiceExt::oneshot(service, request).await;
    assert_eq!(response.expect("infallible").status(), 401);
}

#[test]
fn layer_is_one_pointer() {
    assert_eq!(size_of::<AuthenticateLayer>(), size_of::<usize>());
    assert_eq!(size_of::<Principal>(), size_of::<usize>());
    assert_eq!(
        size_of::<Authenticate<[u8; 64]>>(),
        64 + size_of::<usize>(),
        "a clone of the service costs one reference count"
    );
    assert!(size_of::<Authentication>() <= 3 * size_of::<usize>());
    assert_eq!(
        size_of::<Result<(), Failure>>(),
        size_of::<usize>(),
        "a refusal is rare, so it is boxed"
    );
}

#[test]
fn scheme_is_object_safe() {
    let scheme: std::sync::Arc<dyn Scheme> = std::sync::Arc::new(Fake::bearer());
    assert!(AuthenticateLayer::any_of(vec![scheme]).is_ok());
}
