//! A layer of axum 0.8's bodies, both ways.

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    response::IntoResponse,
    routing::{Route, get},
};
use http::{Request, Response};
use portcullis_bench_suite::Bare;
use tower::{Layer, Service};

use crate::{Absent, Built, Through, stack::Stack};

/// Around the service that costs nothing, or on a router's one route.
///
/// # Errors
/// A layer is no function.
pub fn layered<L, R>(layer: L, through: Through) -> Result<Built, Absent>
where
    L: Layer<Bare> + Layer<Route> + Clone + Send + Sync + 'static,
    <L as Layer<Bare>>::Service: Service<Request<Body>, Response = Response<R>> + Clone + 'static,
    <L as Layer<Route>>::Service: Service<Request<Body>, Response: IntoResponse, Error: Into<Infallible>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    match through {
        Through::Tower => Ok(Built::new(Stack::<_, Body>::new(layer.layer(Bare)))),
        Through::Axum => {
            let router = Router::<()>::new().route("/", get(async || {}));
            Ok(Built::new(Stack::<_, Body>::new(router.route_layer(layer))))
        }
        Through::Function => Err(Absent::because("a layer is no function")),
    }
}
