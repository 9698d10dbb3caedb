use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::LOCATION};
use portcullis_api_key::{Created, IssuedKey, KeyPrefix, Limit, Networks, NewKey};
use portcullis_core::{ConfigError, Scope, ScopeSet, clock::UnixTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::router::{
    actor::Actor,
    admin::Admin,
    body::read_json,
    duration::Lifetime,
    idempotency,
    problem::{BodyRefusals, NotAcceptable, Problem, Refusals, Refused},
    schema,
    view::KeyMetadata,
    whole::Whole,
};

/// The key to create.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateKey {
    #[schema(schema_with = schema::owner)]
    owner: String,
    #[schema(schema_with = schema::name)]
    name: Option<String>,
    #[schema(schema_with = schema::scopes)]
    scopes: Option<Vec<String>>,
    /// How long the key lives; 365 days by default.
    expires_in: Option<Lifetime>,
    #[schema(schema_with = schema::tags)]
    tags: Option<Vec<String>>,
    #[schema(schema_with = schema::networks)]
    networks: Option<Vec<String>>,
    /// How often the key may be used; the default of the service otherwise.
    limit: Option<NewLimit>,
    /// The beginning of the key; `portcullis` by default.
    #[schema(max_length = 32, pattern = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
    prefix: Option<String>,
}

/// How often a key may be used.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLimit {
    /// The requests in a period.
    #[schema(value_type = u32, minimum = 1, maximum = 4294967295u32)]
    requests: Whole,
    /// The period in seconds, at most a day.
    #[schema(value_type = u32, minimum = 1, maximum = 86400)]
    period_seconds: Whole,
    /// The requests at once; as many as in a period by default.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4294967295u32)]
    burst: Option<Whole>,
}

/// A new key: its metadata and, only in this answer, the key itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyShown {
    #[serde(flatten)]
    metadata: KeyMetadata,
    /// The key, for its holder. It cannot be shown again.
    key: String,
}

impl NewKeyShown {
    /// 201 with the key.
    pub(crate) fn respond(issued: &IssuedKey, now: UnixTime, location: String) -> Response {
        let shown = Json(Self {
            metadata: KeyMetadata::of(issued.record(), now),
            key: issued.key().expose().to_owned(),
        });
        (StatusCode::CREATED, [(LOCATION, location)], shown).into_response()
    }
}

impl CreateKey {
    /// The most scopes, and the most characters of one: they fit the headers of a refusal.
    const MAX_SCOPES: usize = 64;
    const MAX_SCOPE: usize = 128;
    const MAX_TAGS: usize = 32;

    fn scopes(&self) -> Result<ScopeSet, Problem> {
        let scopes = self.scopes.as_deref().unwrap_or_default();
        if scopes.len() > Self::MAX_SCOPES {
            return Err(Problem::invalid("a key can have at most 64 scopes"));
        }
        for scope in scopes {
            Scope::parse(scope).map_err(|error| Problem::invalid(error.problem().to_owned()))?;
            if scope.len() > Self::MAX_SCOPE {
                return Err(Problem::invalid("a scope can have at most 128 characters"));
            }
        }
        Ok(ScopeSet::from_tokens(scopes.iter().map(String::as_str)))
    }

    fn limit(&self) -> Result<Option<Limit>, ConfigError> {
        let Some(asked) = &self.limit else {
            return Ok(None);
        };
        let period = Duration::from_secs(asked.period_seconds.0.into());
        let limit = Limit::new(asked.requests.0, period)?;
        Ok(Some(match asked.burst {
            Some(Whole(burst)) => limit.burst(burst)?,
            None => limit,
        }))
    }

    fn new_key(&self, scopes: ScopeSet) -> Result<NewKey, Problem> {
        let invalid = |error: ConfigError| Problem::invalid(error.to_string());
        let tags = self.tags.as_deref().unwrap_or_default();
        if tags.len() > Self::MAX_TAGS {
            return Err(Problem::invalid("a key can have at most 32 tags"));
        }
        let networks = self.networks.as_deref().unwrap_or_default();
        let mut new = NewKey::new(self.owner.as_str())
            .name(self.name.as_deref().unwrap_or_default())
            .scopes(scopes)
            .tags(tags.iter().map(String::as_str))
            .networks(Networks::parse(networks).map_err(invalid)?);
        if let Some(limit) = self.limit().map_err(invalid)? {
            new = new.limit(limit);
        }
        if let Some(prefix) = &self.prefix {
            new = new.prefix(KeyPrefix::new(prefix).map_err(invalid)?);
        }
        Ok(match self.expires_in {
            None => new,
            Some(Lifetime::Limited(lifetime)) => new.expires_in(lifetime),
            Some(Lifetime::Never) => new.never_expires(),
        })
    }
}

/// Creates a key. A request that is repeated with the same `Idempotency-Key` creates no second key.
#[utoipa::path(
    post,
    path = "/",
    operation_id = "createKey",
    tag = "keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request when it is repeated",
        pattern = "^[!-~]{1,255}$")),
    request_body = CreateKey,
    responses(
        (status = 200, description = "An earlier request created this key", body = KeyMetadata),
        (status = 201, description = "The new key", body = NewKeyShown,
            headers(("Location" = String, description = "Where the key's metadata is"))),
        Refusals, BodyRefusals, NotAcceptable
    )
)]
pub(crate) async fn create(
    State(admin): State<Arc<Admin>>,
    actor: Actor,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let asked: CreateKey = read_json(&headers, body).await?;
    let scopes = asked.scopes()?;
    actor.require_grant(&asked.owner, &scopes)?;
    let mut new = asked.new_key(scopes)?;
    if let Some(idempotency) = idempotency::of(&headers, actor.principal(), &asked)? {
        new = new.idempotency(idempotency);
    }
    match admin.manager.create(new).await? {
        Created::New(issued) => {
            actor.log_change(issued.record(), "created");
            let location = format!("{}/{}", actor.path(), issued.record().id);
            Ok(NewKeyShown::respond(&issued, admin.clock.now(), location))
        }
        Created::Before(record) => {
            Ok(Json(KeyMetadata::of(&record, admin.clock.now())).into_response())
        }
    }
}
