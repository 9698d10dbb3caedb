//! axum: `Router::route_layer` for the whole, a guard on each route.

use axum::{Router, extract::Request, routing::get};
use portcullis_core::RequireScopeLayer;

use super::{
    cases::{answered_over_http, serve, unknown_paths_stay_unknown},
    credentials::{Credentials, READ},
    server::Server,
};

#[tokio::test]
async fn axum_answers_the_table() {
    let credentials = Credentials::issue().await;
    let list = async |request: Request| serve(&request.into_parts().0);
    let router = Router::new()
        .route("/orders", get(list).layer(RequireScopeLayer::all([READ])))
        .route_layer(credentials.layer());
    let server = Server::axum(router).await;

    answered_over_http(&server, "/orders", &credentials).await;
    unknown_paths_stay_unknown(&server, "/nowhere", &credentials).await;
}
