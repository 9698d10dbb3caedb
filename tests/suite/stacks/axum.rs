//! axum: `Router::route_layer` around all routes, and a guard on each route.

use axum::{Router, extract::Request, routing::get};
use portcullis_core::RequireScopeLayer;

use super::{
    cases::{assert_table_over_http, assert_unknown_path_is_404, serve},
    credentials::{Credentials, READ},
    server::Server,
};

#[tokio::test]
async fn axum_matches_the_case_table() {
    let credentials = Credentials::issue().await;
    let list = async |request: Request| serve(&request.into_parts().0);
    let router = Router::new()
        .route("/orders", get(list).layer(RequireScopeLayer::all([READ])))
        .route_layer(credentials.layer());
    let server = Server::axum(router).await;

    assert_table_over_http(&server, "/orders", &credentials).await;
    assert_unknown_path_is_404(&server, "/nowhere", &credentials).await;
}
