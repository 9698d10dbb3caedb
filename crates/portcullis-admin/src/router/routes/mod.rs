//! The routes.

pub(crate) mod create;
mod description;
pub(crate) mod introspect;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod rotate;
pub(crate) mod show;

use std::sync::Arc;

use axum::extract::{Path, rejection::PathRejection};
use portcullis_api_key::{ApiKeyId, KeyRecord};

pub(crate) use self::{
    create::create, description::description, introspect::introspect, list::list, revoke::revoke,
    rotate::rotate, show::show,
};
use crate::router::{
    actor::Actor,
    admin::Admin,
    problem::{Problem, Refused},
};

/// The id in the path.
type IdInPath = Result<Path<String>, PathRejection>;

/// Finds a key that the caller may know of.
///
/// # Errors
///
/// 404 when the caller may know of no such key, and when the store fails.
async fn find(admin: &Arc<Admin>, actor: &Actor, id: &IdInPath) -> Result<KeyRecord, Refused> {
    let id = id.as_ref().ok();
    let id: Option<ApiKeyId> = id.and_then(|Path(id)| id.parse().ok());
    let id = id.ok_or_else(Problem::no_such_key)?;
    let found = admin.manager.get(&id).await?;
    let seen = found.filter(|record| actor.sees(record));
    Ok(seen.ok_or_else(Problem::no_such_key)?)
}
