//! The allocations of the layers while there is a current token.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use allocation_counter::measure;
use http::{Request, Response};
use tower::{Layer, Service};

use crate::{Setting, api_key, target::Target};

/// A client that does not allocate.
#[derive(Clone)]
struct Free;

impl Service<Request<()>> for Free {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(request.headers().contains_key("accept"));
        ready(Ok(Response::new(())))
    }
}

/// Counts the allocations of one call. The request is built before, with headers like those of real clients.
fn cost<S: Service<Request<()>, Response = Response<()>>>(mut service: S, url: &str) -> u64 {
    let request = Request::get(url).header("accept", "*/*").body(());
    let mut request = Some(request.expect("a request"));
    measure(|| {
        let mut context = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut context).is_ready());
        let call = pin!(service.call(request.take().expect("once")));
        assert!(matches!(call.poll(&mut context), Poll::Ready(Ok(_))));
    })
    .count_total
}

#[tokio::test]
async fn call_with_a_current_token_allocates_at_most_once() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    setting.source.token().await.expect("a token");
    let url = target.at("/orders");
    let bare = cost(Free, &url);
    for _ in 0..3 {
        let with_token = cost(setting.layer(&target).layer(Free), &url);
        assert!(with_token <= bare + 1, "{with_token} allocations");
        let with_key = cost(api_key(target.origins()).layer(Free), &url);
        assert!(with_key <= bare + 1, "{with_key} allocations");
    }
    let again = cost(setting.layer(&target).layer(Free), &url);
    assert_eq!(
        again, bare,
        "a token that was sent before costs no allocation"
    );
}

/// Shows that allocations are counted: a waiting request is boxed.
#[tokio::test]
async fn only_waiting_for_a_token_allocates() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let mut service = setting.layer(&target).layer(Free);
    let request = Request::get(target.at("/orders")).body(());
    let mut request = Some(request.expect("a request"));
    // Per-thread initialization is not counted.
    assert!(setting.source.current().is_none());
    let info = measure(|| drop(service.call(request.take().expect("once"))));
    assert_eq!(info.count_total, 1);
}
