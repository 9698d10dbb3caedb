//! What no client that keeps its credential to itself can do without.

use std::time::Duration;

use http::{
    HeaderValue, Request, Response,
    header::{AUTHORIZATION, HOST},
    uri::{Authority, Scheme},
};
use portcullis_core::{Clock, SystemClock};
use tower::{BoxError, Service, filter::Filter};

use crate::{Bare, Body, bare::ORIGIN};

/// Puts one header on the calls that may have it.
pub(super) fn checked(
    header: HeaderValue,
    inner: Bare,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let serves_until = SystemClock.now().saturating_add(Duration::from_hours(1));
    Filter::new(inner, move |mut request: Request<Body>| {
        let uri = request.uri();
        let is_there = uri.scheme() == Some(&Scheme::HTTPS)
            && uri.authority().map(Authority::as_str) == ORIGIN.strip_prefix("https://")
            && !request.headers().keys().any(|name| name == HOST);
        if !is_there || SystemClock.now() >= serves_until {
            return Err(BoxError::from("it may not be sent"));
        }
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, header.clone());
        Ok(request)
    })
}
