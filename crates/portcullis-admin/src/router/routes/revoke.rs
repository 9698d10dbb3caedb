use std::sync::Arc;

use axum::{Json, body::Body, extract::State};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{IdInPath, find};
use crate::router::{
    actor::Actor,
    admin::Admin,
    body::read_json,
    problem::{BodyRefusals, NoSuchKey, NotAcceptable, Refusals, Refused},
    schema,
    view::KeyMetadata,
};

/// Why a key is revoked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeKey {
    #[schema(schema_with = schema::reason)]
    reason: Option<String>,
}

/// Revokes a key. Revoking it again changes nothing.
#[utoipa::path(
    post,
    path = "/{id}/revoke",
    operation_id = "revokeKey",
    tag = "keys",
    params(("id" = String, Path, description = "The id of the key", pattern = "^[0-9A-Za-z]{12}$")),
    request_body = RevokeKey,
    responses(
        (status = 200, description = "The revoked key", body = KeyMetadata),
        Refusals, BodyRefusals, NoSuchKey, NotAcceptable
    )
)]
pub(crate) async fn revoke(
    State(admin): State<Arc<Admin>>,
    actor: Actor,
    id: IdInPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<KeyMetadata>, Refused> {
    let record = find(&admin, &actor, &id).await?;
    let RevokeKey { reason } = read_json(&headers, body).await?;
    let revoked = admin.manager.revoke(&record.id, reason.as_deref()).await?;
    actor.log_change(&revoked, "revoked");
    Ok(Json(KeyMetadata::of(&revoked, admin.clock.now())))
}
