//! The issuer's handle.

use std::{fmt, sync::Arc};

use http::{HeaderName, HeaderValue};
use portcullis_core::Secret;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    Endpoint, Fault, RecordedRequest, TestKey, TokenBuilder,
    server::Server,
    settings::{JWKS, OPENID, TOKEN},
    state::{EndpointSettings, State},
};

/// An OAuth 2.0 issuer in-process: metadata, a key set and a token endpoint on loopback.
///
/// It runs on the tokio runtime that it was started on; dropping it stops it. To share it, put it in an [`Arc`].
pub struct TestIssuer {
    pub(crate) state: Arc<State>,
    server: Mutex<Server>,
}

impl TestIssuer {
    pub(crate) fn new(state: Arc<State>, server: Server) -> Self {
        Self {
            state,
            server: Mutex::new(server),
        }
    }

    /// The issuer identifier: the value of `iss`, and the base of discovery.
    #[must_use]
    pub fn url(&self) -> String {
        self.state.settings.url("")
    }

    /// The URL of the key set.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        self.state.settings.url(JWKS)
    }

    /// The URL of the token endpoint (RFC 6749 §3.2).
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        self.state.settings.url(TOKEN)
    }

    /// The URL of the metadata by OpenID Connect Discovery §4: after the issuer's path.
    #[must_use]
    pub fn discovery_uri(&self) -> String {
        self.state.settings.url(OPENID)
    }

    /// The default audience of its tokens.
    #[must_use]
    pub fn audience(&self) -> &str {
        self.state.settings.audience()
    }

    /// A builder for a valid access token, signed with the current signing key.
    pub fn token(&self) -> TokenBuilder {
        self.state.token()
    }

    /// Makes an endpoint fail from the next request on, until [`heal`](Self::heal).
    pub fn fault(&self, endpoint: Endpoint, fault: Fault) {
        self.fault_for(endpoint, fault, usize::MAX);
    }

    /// Makes an endpoint fail for the next `requests`.
    pub fn fault_for(&self, endpoint: Endpoint, fault: Fault, requests: usize) {
        let fault = Some((fault, requests));
        self.configure(endpoint, |settings| settings.fault = fault);
    }

    /// Ends an endpoint's fault. Requests that hang already continue to hang.
    pub fn heal(&self, endpoint: Endpoint) {
        self.configure(endpoint, |settings| settings.fault = None);
    }

    /// Sets a header of an endpoint's good answers, such as `Cache-Control`.
    ///
    /// # Panics
    ///
    /// If the name or the value is invalid.
    pub fn answer_header(&self, endpoint: Endpoint, name: &str, value: &str) {
        let name = HeaderName::try_from(name).expect("a header name");
        let value = HeaderValue::try_from(value).expect("a header value");
        self.configure(endpoint, |settings| {
            settings.headers.insert(name, value);
        });
    }

    /// Whether an endpoint's good answers have an `ETag`, and `If-None-Match` gets a 304 (RFC 9110 §13.1.2). Off by
    /// default.
    pub fn etags(&self, endpoint: Endpoint, on: bool) {
        self.configure(endpoint, |settings| settings.etag = on);
    }

    /// Sets an endpoint's `Date` this many seconds ahead of the issuer's clock, or behind if negative.
    pub fn date_skew(&self, endpoint: Endpoint, seconds: i64) {
        self.configure(endpoint, |settings| settings.date_skew = seconds);
    }

    /// Makes an endpoint require this bearer token, as Kubernetes does for metadata and keys. Other requests get a 401.
    pub fn require_bearer(&self, endpoint: Endpoint, token: &str) {
        let token = Some(token.to_owned());
        self.configure(endpoint, |settings| settings.bearer = token);
    }

    fn configure(&self, endpoint: Endpoint, change: impl FnOnce(&mut EndpointSettings)) {
        change(self.state.variable().endpoint(endpoint));
    }

    /// Sets a member of the metadata.
    pub fn metadata(&self, member: &str, value: impl Into<Value>) {
        self.state.variable().metadata[member] = value.into();
    }

    /// Removes a member of the metadata.
    pub fn without_metadata(&self, member: &str) {
        remove(&mut self.state.variable().metadata, member);
    }

    /// Sets a member of RFC 8414's metadata document alone. It overrides [`metadata`](Self::metadata) and
    /// [`without_metadata`](Self::without_metadata).
    pub fn oauth_metadata(&self, member: &str, value: impl Into<Value>) {
        let (member, value) = (member.to_owned(), value.into());
        self.state.variable().oauth_metadata.insert(member, value);
    }

    /// The number of requests that reached an endpoint, faults included.
    #[must_use]
    pub fn requests(&self, endpoint: Endpoint) -> usize {
        count(&self.state.recorded.borrow(), endpoint)
    }

    /// Waits until `count` requests in total have reached an endpoint.
    pub async fn wait_for_requests(&self, endpoint: Endpoint, count: usize) {
        let mut requests = self.state.recorded.subscribe();
        let is_reached = |requests: &Vec<_>| self::count(requests, endpoint) >= count;
        // It only fails if the sender is dropped, which `self` owns.
        let _ = requests.wait_for(is_reached).await;
    }

    /// All requests, oldest first.
    #[must_use]
    pub fn recorded(&self) -> Vec<RecordedRequest> {
        self.state.recorded.borrow().clone()
    }

    /// The key that new tokens are signed with.
    #[must_use]
    pub fn signing_key(&self) -> TestKey {
        self.state.variable().signing.clone()
    }

    /// Signs new tokens with `key`, whether it is published or not.
    pub fn sign_with(&self, key: &TestKey) {
        self.state.variable().signing = key.clone();
    }

    /// The entries of the key set, in order.
    #[must_use]
    pub fn published(&self) -> Vec<Value> {
        self.state.variable().published.clone()
    }

    /// Replaces the entries of the key set from the next request on: keys, or any other JSON. The signing key stays the
    /// same.
    pub fn publish<K: Into<Value>>(&self, keys: impl IntoIterator<Item = K>) {
        let keys = keys.into_iter().map(Into::into).collect();
        self.state.variable().published = keys;
    }

    /// Publishes a new key alone, and signs with it. Returns the old signing key and the new one.
    ///
    /// For other orders, combine [`add`](Self::add), [`sign_with`](Self::sign_with) and [`withdraw`](Self::withdraw).
    pub fn rotate(&self) -> (TestKey, TestKey) {
        let (old, new) = (self.signing_key(), self.new_key());
        self.publish([&new]);
        self.sign_with(&new);
        (old, new)
    }

    /// Publishes a key, or any other entry, after the others.
    pub fn add(&self, key: impl Into<Value>) {
        self.state.variable().published.push(key.into());
    }

    /// Removes every entry with the material of `key` from the key set; the issuer may still sign with it. Returns
    /// whether there was one.
    pub fn withdraw(&self, key: &TestKey) -> bool {
        let mut variable = self.state.variable();
        let before = variable.published.len();
        variable.published.retain(|entry| !is_of(entry, key));
        variable.published.len() < before
    }

    /// Replaces the signing key, and its entry in the key set, by new material under the same `kid`. Returns the old key
    /// and the new one.
    pub fn replace_material(&self) -> (TestKey, TestKey) {
        let old = self.signing_key();
        let mut new = self.new_key();
        new.kid.clone_from(&old.kid);
        let mut variable = self.state.variable();
        for entry in &mut variable.published {
            if is_of(entry, &old) {
                *entry = new.public_jwk();
            }
        }
        variable.signing = new.clone();
        drop(variable);
        (old, new)
    }

    /// Publishes the keys without a member, such as `kid`, or `alg`, which RFC 7517 §4.4 leaves optional.
    pub fn publish_without(&self, member: &str) {
        for entry in &mut self.state.variable().published {
            remove(entry, member);
        }
    }

    fn new_key(&self) -> TestKey {
        TestKey::generate(self.signing_key().algorithm())
    }

    /// Replaces the secrets of a client from the next request on. Each of them is accepted.
    ///
    /// # Panics
    ///
    /// If there is no client with this id.
    pub fn client_secrets(
        &self,
        client_id: &str,
        secrets: impl IntoIterator<Item = impl Into<Vec<u8>>>,
    ) {
        let mut variable = self.state.variable();
        let mut clients = variable.clients.iter_mut();
        let client = clients.find(|client| client.id == client_id);
        let client = client.unwrap_or_else(|| panic!("the issuer has no client {client_id:?}"));
        client.secrets = secrets.into_iter().map(Secret::new).collect();
    }

    /// Stops listening and closes all connections; new ones are refused. The port stays reserved for
    /// [`restart`](Self::restart). On a stopped issuer it does nothing.
    ///
    /// # Panics
    ///
    /// If the address cannot be reserved because another program took it in that instant.
    pub async fn stop(&self) {
        let mut server = self.server.lock().await;
        let stopped = server.stop(self.state.settings.address).await;
        stopped.unwrap_or_else(|error| panic!("cannot reserve {}: {error}", self.url()));
    }

    /// Listens again after [`stop`](Self::stop). On a running issuer it does nothing.
    ///
    /// # Panics
    ///
    /// If it cannot listen on the address.
    pub async fn restart(&self) {
        let listening = self.server.lock().await.listen(Arc::clone(&self.state));
        listening.unwrap_or_else(|error| panic!("cannot listen on {} again: {error}", self.url()));
    }
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

fn count(requests: &[RecordedRequest], endpoint: Endpoint) -> usize {
    let to_endpoint = requests
        .iter()
        .filter(|request| request.endpoint == endpoint);
    to_endpoint.count()
}

/// Whether an entry of the key set has the key material of `key`.
fn is_of(entry: &Value, key: &TestKey) -> bool {
    let jwk = key.public_jwk();
    let mut members = ["kty", "crv", "x", "y", "n", "e", "k"].into_iter();
    members.all(|member| entry.get(member) == jwk.get(member))
}

/// Removes a member of a JSON object.
fn remove(object: &mut Value, member: &str) {
    object.as_object_mut().map(|members| members.remove(member));
}
