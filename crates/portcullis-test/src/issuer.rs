//! The issuer's handle.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use portcullis_core::Secret;
use serde_json::Value;

use crate::{
    Endpoint, Fault, PublishedKey, RecordedRequest, TestIssuerBuilder, TestKey, TokenBuilder,
    server::{Server, paths},
    state::State,
};

/// An OAuth 2.0 issuer in-process: metadata, a key set and a token endpoint on loopback.
///
/// It runs on the tokio runtime it was started on; dropping it stops it. Not `Clone`: to share it, put it in an
/// [`Arc`].
pub struct TestIssuer {
    pub(crate) state: Arc<State>,
    /// `None` only while it changes hands.
    server: Mutex<Option<Server>>,
}

impl TestIssuer {
    /// Starts an issuer with every default: a free port of 127.0.0.1, one ES256 key, one client.
    ///
    /// It panics where [`TestIssuerBuilder::start`](crate::TestIssuerBuilder::start) returns an error: a test cannot go on
    /// without a free port, while the address that a builder is given may be taken.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O, and when no port can be listened on.
    pub async fn start() -> Self {
        match Self::builder().start().await {
            Ok(issuer) => issuer,
            Err(error) => {
                let cause = std::error::Error::source(&error);
                panic!(
                    "{error}: {}",
                    cause.map(ToString::to_string).unwrap_or_default()
                )
            }
        }
    }

    /// An issuer to one's own measure.
    pub fn builder() -> TestIssuerBuilder {
        TestIssuerBuilder::new()
    }

    pub(crate) fn new(state: Arc<State>, server: Server) -> Self {
        Self {
            state,
            server: Mutex::new(Some(server)),
        }
    }

    /// The issuer identifier: what stands in `iss`, and what discovery starts from.
    #[must_use]
    pub fn url(&self) -> String {
        self.state.issuer()
    }

    /// Where the key set is.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        self.state.under_prefix(paths::JWKS)
    }

    /// Where tokens are to be had (RFC 6749 §3.2).
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        self.state.under_prefix(paths::TOKEN)
    }

    /// Where OpenID Connect Discovery §4 puts the metadata: after the issuer's path.
    #[must_use]
    pub fn discovery_uri(&self) -> String {
        self.state.under_prefix(paths::OPENID)
    }

    /// Where RFC 8414 §3.1 puts the metadata: before the issuer's path.
    #[must_use]
    pub fn oauth_discovery_uri(&self) -> String {
        self.state
            .url(&format!("{}{}", paths::OAUTH, self.state.settings.prefix))
    }

    /// The audience that its tokens are for unless another was asked for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.state.settings.audiences[0]
    }

    /// A good access token in the making, signed with the present signing key.
    pub fn token(&self) -> TokenBuilder {
        self.state.token()
    }

    /// Makes an endpoint fail from the next request on, until [`heal`](Self::heal).
    pub fn fault(&self, endpoint: Endpoint, fault: Fault) {
        self.state.changing().faults.set(endpoint, fault, None);
    }

    /// Makes an endpoint fail for the next `requests` only.
    pub fn fault_for(&self, endpoint: Endpoint, fault: Fault, requests: usize) {
        self.state
            .changing()
            .faults
            .set(endpoint, fault, Some(requests));
    }

    /// Ends an endpoint's fault. Requests already hanging hang on.
    pub fn heal(&self, endpoint: Endpoint) {
        self.state.changing().faults.heal(endpoint);
    }

    /// Sets a header of an endpoint's good answers, `Cache-Control` for instance.
    ///
    /// # Panics
    ///
    /// When the name or the value cannot stand in a header.
    pub fn answer_header(&self, endpoint: Endpoint, name: &str, value: &str) {
        self.state.changing().answering[endpoint.index()].set(name, value);
    }

    /// Whether an endpoint's good answers have an `ETag`, and `If-None-Match` gets a 304 (RFC 9110 §13.1.2); by default
    /// they do not.
    pub fn etags(&self, endpoint: Endpoint, on: bool) {
        self.state.changing().answering[endpoint.index()].etag = on;
    }

    /// Sets an endpoint's `Date` off the issuer's clock by so many seconds, ahead or (negative) behind.
    pub fn date_skew(&self, endpoint: Endpoint, seconds: i64) {
        self.state.changing().answering[endpoint.index()].date_skew = seconds;
    }

    /// Sets a member of the metadata, over what the issuer would say itself.
    pub fn metadata(&self, member: &str, value: impl Into<Value>) {
        let mut changing = self.state.changing();
        changing
            .metadata_left_out
            .retain(|left_out| left_out != member);
        changing.metadata.insert(member.to_owned(), value.into());
    }

    /// Leaves a member of the metadata out.
    pub fn without_metadata(&self, member: &str) {
        self.state
            .changing()
            .metadata_left_out
            .push(member.to_owned());
    }

    /// Sets a member of the metadata at RFC 8414's place alone, over what [`metadata`](Self::metadata) and
    /// [`without_metadata`](Self::without_metadata) say. OpenID Connect's document stays as it is.
    pub fn oauth_metadata(&self, member: &str, value: impl Into<Value>) {
        let mut changing = self.state.changing();
        changing
            .oauth_metadata
            .insert(member.to_owned(), value.into());
    }

    /// Makes an endpoint answer 401 to requests without this bearer token, as Kubernetes does for metadata and keys.
    pub fn require_bearer(&self, endpoint: Endpoint, token: &str) {
        self.state.changing().answering[endpoint.index()].bearer = Some(token.to_owned());
    }

    /// Requests that reached an endpoint so far, faults or not.
    #[must_use]
    pub fn requests(&self, endpoint: Endpoint) -> usize {
        self.state.record.count(endpoint)
    }

    /// Waits until `count` requests in all have reached an endpoint; returns at once when they have.
    pub async fn wait_for_requests(&self, endpoint: Endpoint, count: usize) {
        self.state.record.reaches(endpoint, count).await;
    }

    /// The last thousand requests, oldest first.
    #[must_use]
    pub fn recorded(&self) -> Vec<RecordedRequest> {
        self.state.record.recent()
    }

    /// The key that new tokens are signed with.
    #[must_use]
    pub fn signing_key(&self) -> TestKey {
        self.state.changing().signing.clone()
    }

    /// Signs new tokens with `key`, published or not.
    pub fn sign_with(&self, key: &TestKey) {
        self.state.changing().signing = key.clone();
    }

    /// The entries of the key set, in order.
    #[must_use]
    pub fn published(&self) -> Vec<PublishedKey> {
        self.state.changing().published.clone()
    }

    /// Replaces the key set by these entries, in this order. The signing key stays what it is.
    pub fn publish<K: Into<PublishedKey>>(&self, keys: impl IntoIterator<Item = K>) {
        let keys = keys.into_iter().map(Into::into).collect();
        self.state.changing().published = keys;
    }

    /// Replaces the secrets of a client from the next request on. Any of them is accepted, so that a rotation goes by
    /// adding the new one beside the old, and leaving the old one out later; with none the client is locked out. Tokens
    /// that it has already stay good.
    ///
    /// # Panics
    ///
    /// When there is no client of this id.
    pub fn client_secrets(
        &self,
        client_id: &str,
        secrets: impl IntoIterator<Item = impl Into<Vec<u8>>>,
    ) {
        let secrets: Vec<Secret> = secrets.into_iter().map(Secret::new).collect();
        let mut changing = self.state.changing();
        let mut clients = changing.clients.iter_mut();
        match clients.find(|client| client.id == client_id) {
            Some(client) => client.secrets = secrets,
            None => panic!("the issuer has no client {client_id:?}"),
        }
    }

    /// Stops listening and closes every connection, so that the next one is refused. The port stays bound, for
    /// [`restart`](Self::restart), so that the system gives it to nobody. Stopping twice does nothing.
    ///
    /// # Panics
    ///
    /// When the address cannot be reserved, since something else took it in that instant.
    pub async fn stop(&self) {
        let Some(server) = self.take_server() else {
            return;
        };
        let server = match server.stop(self.state.settings.address).await {
            Ok(server) => server,
            Err(error) => panic!("{} could not be reserved: {error}", self.url()),
        };
        self.put_server(server);
    }

    /// Listens again where [`stop`](Self::stop) ended it. On a running issuer it does nothing.
    ///
    /// # Panics
    ///
    /// When the address can no longer be listened on.
    pub async fn restart(&self) {
        let Some(server) = self.take_server() else {
            return;
        };
        let server = match server.restart(Arc::clone(&self.state)) {
            Ok(server) => server,
            Err(error) => panic!("{} could not be listened on again: {error}", self.url()),
        };
        self.put_server(server);
    }

    fn take_server(&self) -> Option<Server> {
        self.server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn put_server(&self, server: Server) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
    }
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
