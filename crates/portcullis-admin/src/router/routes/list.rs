use std::{str::FromStr, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{RawQuery, State},
};
use portcullis_api_key::{Cursor, KeyQuery, KeyState};
use portcullis_core::clock::UnixTime;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::router::{
    actor::Actor,
    admin::Admin,
    problem::{Problem, Refusals, Refused},
    schema,
    view::KeyMetadata,
};

/// Keys that expire within this time are shown as expiring.
const EXPIRING_WITHIN: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// The most keys of a page.
const MAX_LIMIT: usize = 200;

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// The keys, the newest first.
    keys: Vec<KeyMetadata>,
    /// Pass it as `cursor` to get the next page; null on the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// Which keys a page shows. An empty value is the same as none.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    /// Only keys of this owner. Without `keys:admin`, the only owner is the caller.
    owner: Option<String>,
    /// Only keys in this state; `expiring` within 14 days.
    #[param(schema_with = schema::state)]
    state: Option<StateFilter>,
    /// Only keys whose id, owner, name or a tag contains this text.
    q: Option<String>,
    /// The most keys of the page; 50 by default.
    #[param(schema_with = schema::limit)]
    limit: Option<u32>,
    /// The `next` of the page before.
    #[param(pattern = "^([0-9]{1,19}-[0-9A-Za-z]{12})?$")]
    cursor: Option<String>,
}

/// The states to select keys by.
#[derive(Clone, Copy, Debug)]
enum StateFilter {
    Active,
    Expired,
    Revoked,
    Expiring,
}

impl FromStr for StateFilter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "active" => Ok(Self::Active),
            "expired" => Ok(Self::Expired),
            "revoked" => Ok(Self::Revoked),
            "expiring" => Ok(Self::Expiring),
            _ => Err(()),
        }
    }
}

impl ListParameters {
    fn parse(query: &str) -> Result<Self, Problem> {
        let mut parameters = Self::default();
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if seen.contains(&name) {
                return Err(Problem::malformed(
                    "a parameter is given twice: give it once",
                ));
            }
            let value = Some(value.into_owned()).filter(|value| !value.is_empty());
            match &*name {
                "owner" => parameters.owner = value,
                "state" => {
                    let expected = "`state` is active, expired, revoked or expiring";
                    parameters.state = parse(value, expected)?;
                }
                "q" => parameters.q = value,
                "limit" => parameters.limit = parse(value, "`limit` is a number from 1 to 200")?,
                "cursor" => parameters.cursor = value,
                _ => {
                    let detail = "unknown parameter: use owner, state, q, limit and cursor";
                    return Err(Problem::malformed(detail));
                }
            }
            seen.push(name);
        }
        Ok(parameters)
    }

    fn query(self, owner: Option<Box<str>>, now: UnixTime) -> Result<KeyQuery, Problem> {
        let mut query = KeyQuery::new(now);
        query.owner = owner;
        query.text = self.q.map(Into::into);
        match self.state {
            None => {}
            Some(StateFilter::Active) => query.state = Some(KeyState::Active),
            Some(StateFilter::Expired) => query.state = Some(KeyState::Expired),
            Some(StateFilter::Revoked) => query.state = Some(KeyState::Revoked),
            Some(StateFilter::Expiring) => {
                query.expires_before = Some(now.saturating_add(EXPIRING_WITHIN));
            }
        }
        if let Some(limit) = self.limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            if !(1..=MAX_LIMIT).contains(&limit) {
                return Err(Problem::malformed("`limit` is a number from 1 to 200"));
            }
            query.limit = limit;
        }
        let cursor = self.cursor.map(|cursor| cursor.parse::<Cursor>());
        let cursor = cursor.transpose();
        query.after = cursor.map_err(|error| Problem::malformed(error.to_string()))?;
        Ok(query)
    }
}

fn parse<T: FromStr>(value: Option<String>, expected: &'static str) -> Result<Option<T>, Problem> {
    let parsed = value.map(|value| value.parse());
    parsed.transpose().map_err(|_| Problem::malformed(expected))
}

/// Lists keys, the newest first: the caller's own, or with `keys:admin` those of all owners.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "listKeys",
    tag = "keys",
    params(ListParameters),
    responses((status = 200, description = "A page of keys", body = KeyList), Refusals)
)]
pub(crate) async fn list(
    State(admin): State<Arc<Admin>>,
    actor: Actor,
    RawQuery(query): RawQuery,
) -> Result<Json<KeyList>, Refused> {
    let mut parameters = ListParameters::parse(query.as_deref().unwrap_or_default())?;
    let owner = actor.visible_owner(parameters.owner.take().map(Into::into))?;
    let now = admin.clock.now();
    let page = admin.manager.page(&parameters.query(owner, now)?).await?;
    Ok(Json(KeyList {
        keys: page
            .keys
            .iter()
            .map(|record| KeyMetadata::of(record, now))
            .collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    }))
}
