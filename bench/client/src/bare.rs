//! What everything is measured over.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use tower::Service;

use crate::Body;

/// Where calls go: no contender connects to it.
pub(crate) const ORIGIN: &str = "https://orders.example.com";

/// The client that sends nothing: it answers 200 at once, with three headers as those of any service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bare {
    /// Whether the answer tells what would have been sent, as [`Sent`].
    pub tells: bool,
}

/// The headers of a request, in the extensions of its answer.
#[derive(Clone, Debug)]
pub struct Sent(pub HeaderMap);

impl Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut response = Response::new(Body::default());
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        headers.insert(
            header::DATE,
            HeaderValue::from_static("Sat, 28 Nov 2026 15:00:00 GMT"),
        );
        if self.tells {
            let headers = request.into_parts().0.headers;
            response.extensions_mut().insert(Sent(headers));
        }
        ready(Ok(response))
    }
}

/// Makes requests, each with two headers as those of any client: whoever adds one need not make the map.
pub fn requests() -> impl FnMut() -> Request<Body> + Clone + Send + Sync + 'static {
    let uri: Uri = format!("{ORIGIN}/orders?page=2")
        .parse()
        .expect("it is a URI");
    move || {
        let mut request = Request::new(Body::default());
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("billing/1.0"));
        request
    }
}
