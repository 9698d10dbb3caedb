//! The endpoint, and how this service authenticates there.

use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use portcullis_api_key::{ApiKeyId, KeyRecord, StoreError};
use portcullis_client::{AccessToken, ApiKeySource, TokenSource};
use portcullis_core::Secret;
use portcullis_oauth::{
    http::{HttpClient, display_url},
    read_json_object,
};
use url::Url;
use zeroize::Zeroizing;

use super::introspected::Introspected;

/// The endpoint of another service.
pub(super) struct Endpoint {
    pub(super) http: HttpClient,
    pub(super) url: Url,
    pub(super) uri: Uri,
    pub(super) credential: Credential,
}

/// What this service authenticates by.
pub(super) enum Credential {
    ApiKey(HeaderName, ApiKeySource),
    Tokens(TokenSource),
}

impl Endpoint {
    /// The URL, for logs and errors.
    pub(super) fn name(&self) -> String {
        display_url(&self.url)
    }

    /// The record of an active key; `None` for any other key.
    pub(super) async fn introspect(
        &self,
        id: &ApiKeyId,
        key: &Secret,
    ) -> Result<Option<KeyRecord>, StoreError> {
        let (mut headers, mut token) = self.authorize().await?;
        let mut answer = self.post(headers, key).await?;
        // The source fetches another token if the server withdrew this one.
        if answer.status == StatusCode::UNAUTHORIZED
            && let (Credential::Tokens(source), Some(rejected)) = (&self.credential, &token)
            && source.reject(rejected)
        {
            (headers, token) = self.authorize().await?;
            answer = self.post(headers, key).await?;
        }
        drop(token);
        match answer.status {
            StatusCode::OK => self.read(&answer.body, id, key),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.problem(&format!(
                "answered {}: give this service a credential with the scope `keys:introspect`",
                answer.status.as_u16()
            ))),
            _ => Err(StoreError::new(
                answer.into_error(&self.url, "url").to_string(),
            )),
        }
    }

    async fn authorize(&self) -> Result<(HeaderMap, Option<AccessToken>), StoreError> {
        let mut headers = HeaderMap::new();
        match &self.credential {
            Credential::ApiKey(name, source) => {
                headers.insert(name, source.value());
                Ok((headers, None))
            }
            Credential::Tokens(source) => {
                let failed =
                    |error| StoreError::new(format!("no token for {}: {error}", self.name()));
                let token = source
                    .token()
                    .await
                    .map_err(|error| failed(error.to_string()))?;
                let authorized = token.authorize(&Method::POST, &self.uri, &mut headers);
                authorized.map_err(|error| failed(error.to_string()))?;
                Ok((headers, Some(token)))
            }
        }
    }

    async fn post(
        &self,
        headers: HeaderMap,
        key: &Secret,
    ) -> Result<portcullis_oauth::http::Answer, StoreError> {
        let posted = self.http.post(&self.url, headers, form(key), None).await;
        posted.map_err(|error| StoreError::new(error.to_string()))
    }

    fn read(
        &self,
        body: &[u8],
        id: &ApiKeyId,
        key: &Secret,
    ) -> Result<Option<KeyRecord>, StoreError> {
        let answer: Introspected = read_json_object(body)
            .map_err(|error| self.problem(&format!("answered something else: {error}")))?;
        answer.into_record(id, key).map_err(|member| {
            self.problem(&format!(
                "answered without a usable `{member}`: it must be an endpoint of `portcullis-admin`"
            ))
        })
    }

    fn problem(&self, problem: &str) -> StoreError {
        StoreError::new(format!("{} {problem}", self.name()))
    }
}

/// The form, zeroed when dropped. Its capacity is sufficient: a string that grows leaves copies behind.
fn form(key: &Secret) -> Zeroizing<Vec<u8>> {
    let key = key.expose_str().unwrap_or_default();
    let capacity = "token=".len() + 3 * key.len();
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(capacity));
    form.append_pair("token", key);
    Zeroizing::new(form.finish().into_bytes())
}
