use axum::{Json, body::Body};
use http::HeaderMap;
use portcullis_api_key::{ApiKeys, KeyRecord};
use portcullis_core::{FailureKind, Secret};
use serde::Serialize;
use utoipa::ToSchema;

use crate::router::{
    body::{FORM, read_form},
    problem::{BodyRefusals, Problem, Refusals, Refused},
    view::{LimitMetadata, to_rfc3339},
};

/// The form of an introspection request (RFC 7662 §2.1).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form")]
pub(crate) struct IntrospectionForm {
    /// The key to check.
    #[schema(min_length = 1)]
    token: String,
    /// Ignored: all tokens are API keys.
    token_type_hint: Option<String>,
}

/// The answer (RFC 7662 §2.2). For a key that cannot be used now it is `{"active": false}`.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Introspection {
    /// Whether the key can be used now.
    #[schema(required = true)]
    active: bool,
    /// The owner of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The id of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The granted scopes, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// When the key expires, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    /// When the key was created, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    /// Always `api-key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// When the key expires, to the millisecond.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The beginning of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// The networks that the key may be used from, which the service that got the key must check; empty for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<Vec<String>>,
    /// How often the key may be used, which the service that got the key must check.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<LimitMetadata>,
    /// Whether the key was imported and has another format.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_foreign: Option<bool>,
}

impl From<&KeyRecord> for Introspection {
    fn from(record: &KeyRecord) -> Self {
        Self {
            active: true,
            sub: Some(record.owner.to_string()),
            client_id: Some(record.id.to_string()),
            scope: Some(record.scopes.to_string()),
            exp: record.expires_at.map(|at| at.as_secs()),
            iat: Some(record.created_at.as_secs()),
            token_type: Some("api-key"),
            expires_at: record.expires_at.map(to_rfc3339),
            name: Some(record.name.to_string()),
            prefix: Some(record.prefix.to_string()),
            networks: Some(record.networks.iter().collect()),
            limit: record.limit.map(LimitMetadata::from),
            is_foreign: Some(record.is_foreign),
        }
    }
}

/// Checks a key for a service that cannot read the store (RFC 7662).
#[utoipa::path(
    post,
    path = "/introspect",
    operation_id = "introspectKey",
    tag = "keys",
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Whether the key can be used now", body = Introspection),
        Refusals, BodyRefusals
    )
)]
pub(crate) async fn introspect(
    keys: ApiKeys,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Introspection>, Refused> {
    let form = Secret::new(read_form(&headers, body).await?);
    let token = token(form.expose())?;
    match keys.verify(token.expose()).await {
        Ok(key) => Ok(Json(key.record().into())),
        Err(failure) if failure.kind() == FailureKind::Unavailable => {
            let detail = "the API key cannot be checked now";
            Err(Problem::unavailable(detail, &failure.internal()).into())
        }
        // The same for a wrong secret, an unknown key, and one that has ended.
        Err(_) => Ok(Json(Introspection::default())),
    }
}

/// The field `token` of the form.
fn token(form: &[u8]) -> Result<Secret, Problem> {
    let mut fields = form_urlencoded::parse(form).filter(|(name, _)| name == "token");
    match (fields.next(), fields.next()) {
        (Some((_, token)), None) if !token.is_empty() => Ok(Secret::new(token.into_owned())),
        _ => Err(Problem::malformed(format!(
            "send the key as `token` in a form ({FORM})"
        ))),
    }
}
