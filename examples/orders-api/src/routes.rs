//! The routes, and the scopes that each requires.

use axum::{
    Json, Router,
    handler::Handler,
    routing::{get, post},
};
use portcullis::{AuthenticateLayer, RequireScopeLayer, Scope, axum::Caller};
use serde_json::{Value, json};

use crate::{
    health::{self, Sources},
    orders::{self, Orders},
};

const READ: Scope = Scope::from_static("orders:read");
const WRITE: Scope = Scope::from_static("orders:write");
const ADMIN: Scope = Scope::from_static("orders:admin");
const REPORTS: Scope = Scope::from_static("reports:read");

/// The whole service.
pub(crate) fn router(authenticate: AuthenticateLayer, sources: Sources) -> Router {
    let reads = RequireScopeLayer::all([READ]);
    let writes = RequireScopeLayer::all([WRITE]);

    let guarded = Router::new()
        .route("/whoami", get(whoami))
        .route("/orders", get(orders::list.layer(reads.clone())))
        .route("/orders", post(orders::create.layer(writes)))
        .route("/orders/{id}", get(orders::show.layer(reads)))
        .route("/orders/{id}", axum::routing::delete(orders::delete.layer(RequireScopeLayer::all([WRITE, ADMIN]))))
        .route("/reports", get(orders::reports.layer(RequireScopeLayer::any([REPORTS, ADMIN]))))
        // route_layer, not layer: an unknown path stays 404.
        .route_layer(authenticate)
        .with_state(Orders::sample());

    // Added after the layer: open.
    let open = Router::new()
        .route("/livez", get(health::live))
        .route("/healthz", get(health::ready))
        .with_state(sources);

    guarded.merge(open).fallback(orders::unknown_path)
}

/// `GET /whoami`
async fn whoami(caller: Caller) -> Json<Value> {
    Json(json!({
        "scheme": caller.scheme(),
        "kind": caller.kind().to_string(),
        "subject": caller.subject(),
        "client_id": caller.client_id(),
        "issuer": caller.issuer(),
        "credential_id": caller.credential_id(),
        "scopes": caller.scopes(),
    }))
}
