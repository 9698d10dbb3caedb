use std::sync::Arc;

use axum::{
    Json,
    extract::{OriginalUri, State},
};
use utoipa::openapi::OpenApi;

use crate::router::{admin::Admin, openapi};

/// Describes the routes below the path that the router is nested at.
pub(crate) async fn description(
    State(admin): State<Arc<Admin>>,
    OriginalUri(uri): OriginalUri,
) -> Json<OpenApi> {
    let base = uri.path().strip_suffix("/openapi.json");
    Json(openapi::description(
        base.unwrap_or_default(),
        admin.introspects,
    ))
}
