//! A client may leave whenever the service waits: in a scheme, in the handler, in the body. What it had begun ends
//! there, nothing behind is run, and nothing is kept.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ::axum::{
    Router,
    body::{Body, Bytes},
    error_handling::HandleErrorLayer,
    extract::Request,
    response::Response,
    routing::get,
};
use futures_util::stream;
use http::{HeaderMap, header::AUTHORIZATION};
use portcullis_core::{AuthenticateLayer, RequireScopeLayer};
use tower::{
    BoxError, ServiceBuilder, ServiceExt, buffer::BufferLayer, limit::ConcurrencyLimitLayer,
    service_fn,
};

use super::{
    client::{Client, headers, next_part, request},
    credentials::READ,
    gate::{Arrivals, Gate},
    scheme::Turnstile,
    server::Server,
};

/// Where a request waits, in this order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
    Scheme,
    Handler,
    Body,
}

/// The stacks under test. Where they limit concurrency, they serve one request at a time: a place that is not given
/// back would block the next.
#[derive(Clone, Copy, Debug)]
enum Stack {
    Axum,
    Hyper,
    InsideBuffer,
    OutsideBuffer,
}

/// The service, and the test's hold on it.
struct Service {
    server: Server,
    scheme: Arrivals,
    handler: Arrivals,
    body: Arrivals,
    /// Shared with every request that is alive.
    alive: Arc<()>,
}
