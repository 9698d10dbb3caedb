use std::sync::Arc;

use axum::{Json, extract::State};

use super::{IdInPath, find};
use crate::router::{
    actor::Actor,
    admin::Admin,
    problem::{NoSuchKey, Refusals, Refused},
    view::KeyMetadata,
};

/// Shows one key.
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "showKey",
    tag = "keys",
    params(("id" = String, Path, description = "The id of the key", pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "The key", body = KeyMetadata), Refusals, NoSuchKey)
)]
pub(crate) async fn show(
    State(admin): State<Arc<Admin>>,
    actor: Actor,
    id: IdInPath,
) -> Result<Json<KeyMetadata>, Refused> {
    let record = find(&admin, &actor, &id).await?;
    Ok(Json(KeyMetadata::of(&record, admin.clock.now())))
}
