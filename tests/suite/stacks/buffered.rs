//! axum behind tower's `Buffer` and `ConcurrencyLimit`, which panic if a service is called before it was ready, and hang
//! if a service is ready and never called.

use axum::{BoxError, Router, error_handling::HandleErrorLayer, extract::Request, routing::get};
use futures_util::future::join_all;
use http::{StatusCode, header::AUTHORIZATION};
use hyper::body::Incoming;
use portcullis_core::{AuthenticateLayer, RequireScopeLayer};
use tower::{ServiceBuilder, buffer::BufferLayer, limit::ConcurrencyLimitLayer};

use super::{
    cases::{assert_table_over_http, assert_unknown_path_is_404, serve},
    client::{Client, headers},
    credentials::{Credentials, READ},
    server::Server,
};

/// The position of the layers. Buffer and service have capacity for one request each.
#[derive(Clone, Copy, Debug)]
pub(super) enum Placement {
    /// Inside both. The buffer's worker always calls the same service.
    Inside,
    /// Outside both. The layers call a buffer.
    Outside,
    /// Between them. The layers call a concurrency limit.
    Between,
}

impl Placement {
    pub(super) const ALL: [Self; 3] = [Self::Inside, Self::Outside, Self::Between];

    /// Runs a router behind the layers, without a service between them that waits for readiness, such as that of
    /// `HandleErrorLayer`.
    pub(super) async fn serve(self, authenticate: AuthenticateLayer, router: Router) -> Server {
        let guard = RequireScopeLayer::all([READ]);
        let buffer = BufferLayer::<http::Request<Incoming>>::new(1);
        let limit = ConcurrencyLimitLayer::new(1);
        let stack = ServiceBuilder::new();
        match self {
            Self::Inside => {
                Server::hyper(
                    stack
                        .layer((buffer, limit, authenticate, guard))
                        .service(router),
                )
                .await
            }
            Self::Outside => {
                Server::hyper(
                    stack
                        .layer((authenticate, guard, buffer, limit))
                        .service(router),
                )
                .await
            }
            Self::Between => {
                Server::hyper(
                    stack
                        .layer((buffer, authenticate, guard, limit))
                        .service(router),
                )
                .await
            }
        }
    }
}

fn orders() -> Router {
    Router::new().route(
        "/orders",
        get(async |request: Request| serve(&request.into_parts().0)),
    )
}

#[tokio::test]
async fn axum_behind_a_buffer_matches_the_case_table() {
    let credentials = Credentials::issue().await;
    for placement in Placement::ALL {
        let server = placement.serve(credentials.layer(), orders()).await;
        assert_table_over_http(&server, "/orders", &credentials).await;
    }
}

#[tokio::test]
async fn concurrent_requests_are_served_one_at_a_time() {
    let credentials = Credentials::issue().await;
    let reader = headers([(AUTHORIZATION, &credentials.token)]);
    for placement in Placement::ALL {
        let server = placement.serve(credentials.layer(), orders()).await;
        let url = server.url("/orders");
        for client in [Client::http1(), Client::http2()] {
            let requests = (0..32).map(|_| client.get(&url, reader.clone()));
            for response in join_all(requests).await {
                assert_eq!(response.status(), 200, "{placement:?}");
            }
        }
    }
}

#[tokio::test]
async fn axum_routes_with_a_buffer_match_the_case_table() {
    let credentials = Credentials::issue().await;
    let layers = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |_: BoxError| {
            StatusCode::INTERNAL_SERVER_ERROR
        }))
        .layer(BufferLayer::<Request>::new(1))
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(credentials.layer())
        .layer(RequireScopeLayer::all([READ]));
    let server = Server::axum(orders().route_layer(layers)).await;

    assert_table_over_http(&server, "/orders", &credentials).await;
    assert_unknown_path_is_404(&server, "/nowhere", &credentials).await;
}
