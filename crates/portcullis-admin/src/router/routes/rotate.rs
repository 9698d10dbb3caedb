use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};
use http::HeaderMap;
use portcullis_api_key::DEFAULT_ROTATION_GRACE;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{IdInPath, create::NewKeyShown, find};
use crate::router::{
    actor::Actor,
    admin::Admin,
    body::read_json,
    duration::Grace,
    problem::{BodyRefusals, NoSuchKey, NotAcceptable, NotRotatable, Refusals, Refused},
};

/// How to rotate a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateKey {
    /// How long the old key still works; 72 hours by default, and never longer than before.
    grace: Option<Grace>,
}

/// Creates the successor of a key, which inherits all but the times. Without `keys:admin`, the caller must have its scopes.
#[utoipa::path(
    post,
    path = "/{id}/rotate",
    operation_id = "rotateKey",
    tag = "keys",
    params(("id" = String, Path, description = "The id of the key", pattern = "^[0-9A-Za-z]{12}$")),
    request_body = RotateKey,
    responses(
        (status = 201, description = "The successor", body = NewKeyShown,
            headers(("Location" = String, description = "Where the successor's metadata is"))),
        Refusals, BodyRefusals, NoSuchKey, NotAcceptable, NotRotatable
    )
)]
pub(crate) async fn rotate(
    State(admin): State<Arc<Admin>>,
    actor: Actor,
    id: IdInPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let old = find(&admin, &actor, &id).await?;
    // The caller gets a key with these scopes.
    actor.require_grant(&old.owner, &old.scopes)?;
    let RotateKey { grace } = read_json(&headers, body).await?;
    let grace = grace.map_or(DEFAULT_ROTATION_GRACE, |Grace(grace)| grace);
    let issued = admin.manager.rotate(&old.id, grace).await?;
    actor.log_change(&old, "rotated");
    actor.log_change(issued.record(), "created as a successor");
    let collection = actor.path().strip_suffix(&format!("/{}/rotate", old.id));
    let location = format!("{}/{}", collection.unwrap_or_default(), issued.record().id);
    Ok(NewKeyShown::respond(&issued, admin.clock.now(), location))
}
