//! axum behind tower's `Buffer` and `ConcurrencyLimit`, which panic or hang if a service is called that was not ready.

use std::time::Duration;

use ::axum::{BoxError, Router, error_handling::HandleErrorLayer, extract::Request, routing::get};
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use portcullis_core::{AuthenticateLayer, RequireScopeLayer};
use tower::{ServiceBuilder, buffer::BufferLayer, limit::ConcurrencyLimitLayer};

use super::{
    cases::{answered_over_http, serve, unknown_paths_stay_unknown},
    client::{Client, headers},
    credentials::{Credentials, READ},
    scheme::Turnstile,
    server::Server,
};

/// The layers inside `Buffer`: they are called by its worker, on one service that is never cloned.
fn inside(authenticate: AuthenticateLayer) -> Router {
    let layers = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(unexpected))
        .layer(BufferLayer::<Request>::new(1))
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(authenticate)
        .layer(RequireScopeLayer::all([READ]));
    orders().route_layer(layers)
}

/// The layers outside `Buffer`: they must call the very service whose readiness they asked for.
fn outside(authenticate: AuthenticateLayer) -> Router {
    let layers = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(unexpected))
        .layer(authenticate)
        .layer(RequireScopeLayer::all([READ]))
        .layer(BufferLayer::<Request>::new(1))
        .layer(ConcurrencyLimitLayer::new(1));
    orders().route_layer(layers)
}

pub(super) fn orders() -> Router {
    Router::new().route(
        "/orders",
        get(async |request: Request| serve(&request.into_parts().0)),
    )
}

async fn unexpected(error: BoxError) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

#[tokio::test]
async fn inside_a_buffer_the_table_is_answered() {
    let credentials = Credentials::issue().await;
    let server = Server::axum(inside(credentials.layer())).await;
    answered_over_http(&server, "/orders", &credentials).await;
    unknown_paths_stay_unknown(&server, "/nowhere", &credentials).await;
}

#[tokio::test]
async fn outside_a_buffer_the_table_is_answered() {
    let credentials = Credentials::issue().await;
    let server = Server::axum(outside(credentials.layer())).await;
    answered_over_http(&server, "/orders", &credentials).await;
    unknown_paths_stay_unknown(&server, "/nowhere", &credentials).await;
}
