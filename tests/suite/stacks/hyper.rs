//! hyper alone, the layers stacked by `ServiceBuilder`.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use portcullis_core::RequireScopeLayer;
use tower::ServiceBuilder;

use super::{
    cases::{assert_table_over_http, serve},
    credentials::{Credentials, READ},
    server::Server,
};

#[tokio::test]
async fn hyper_matches_the_case_table() {
    let credentials = Credentials::issue().await;
    let service = ServiceBuilder::new()
        .layer(credentials.layer())
        .layer(RequireScopeLayer::all([READ]))
        .service_fn(async |request: Request<Incoming>| {
            let body = Full::<Bytes>::from(serve(&request.into_parts().0));
            Ok::<_, Infallible>(Response::new(body))
        });
    let server = Server::hyper(service).await;

    assert_table_over_http(&server, "/orders", &credentials).await;
}
