//! The state that the issuer's handle shares with its server.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use portcullis_core::clock::SharedClock;
use serde_json::{Map, Value};

use crate::{Endpoint, Fault, TestKey, TokenBuilder, client::Client, record::Record};

/// An issuer without its socket.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) record: Record,
    variable: Mutex<Variable>,
}

/// Settings of the builder.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    /// The path of the issuer's URL: empty, or with a leading slash.
    pub(crate) prefix: String,
    pub(crate) clock: SharedClock,
    /// Never empty; the first is the default.
    pub(crate) audiences: Vec<String>,
    /// Whether clients may request other audiences.
    pub(crate) any_audience: bool,
    pub(crate) token_lifetime: Duration,
    /// The body of the answer to a client with a wrong credential, unless it is RFC 6749's.
    pub(crate) client_rejection: Option<Value>,
    pub(crate) openid_discovery: bool,
    pub(crate) oauth_discovery: bool,
    /// Whether a connection serves one request only.
    pub(crate) connections_die: bool,
}

/// What a test changes while the issuer runs.
pub(crate) struct Variable {
    pub(crate) published: Vec<Value>,
    pub(crate) signing: TestKey,
    /// Never empty; the first is the default. Only their secrets change.
    pub(crate) clients: Vec<Client>,
    /// By [`Endpoint::index`].
    pub(crate) endpoints: [EndpointSettings; Endpoint::ALL.len()],
    /// Members to set, and with `None` to remove.
    pub(crate) metadata: HashMap<String, Option<Value>>,
    /// Members of RFC 8414's document alone.
    pub(crate) oauth_metadata: Map<String, Value>,
}

/// How an endpoint answers.
#[derive(Clone, Default)]
pub(crate) struct EndpointSettings {
    pub(crate) fault: Option<Fault>,
    /// The requests that the fault still applies to.
    pub(crate) faulty_requests: usize,
    pub(crate) headers: HeaderMap,
    /// Whether answers have an `ETag`, and `If-None-Match` is honoured.
    pub(crate) etag: bool,
    /// Seconds that the `Date` header is ahead of the issuer's clock.
    pub(crate) date_skew: i64,
    /// The bearer token that is required.
    pub(crate) bearer: Option<String>,
}

impl EndpointSettings {
    /// The fault for the next request.
    pub(crate) fn next_fault(&mut self) -> Option<Fault> {
        self.faulty_requests = self.faulty_requests.checked_sub(1)?;
        self.fault.clone()
    }
}

impl State {
    pub(crate) fn new(settings: Settings, signing: TestKey, clients: Vec<Client>) -> Self {
        Self {
            settings,
            record: Record::default(),
            variable: Mutex::new(Variable {
                published: vec![signing.public_jwk()],
                signing,
                clients,
                endpoints: Default::default(),
                metadata: HashMap::new(),
                oauth_metadata: Map::new(),
            }),
        }
    }

    /// Must not be held across an await.
    pub(crate) fn variable(&self) -> MutexGuard<'_, Variable> {
        self.variable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The issuer identifier (RFC 8414 §2).
    pub(crate) fn issuer(&self) -> String {
        self.under_prefix("")
    }

    /// A URL under the issuer's.
    pub(crate) fn under_prefix(&self, path: &str) -> String {
        self.url(&format!("{}{path}", self.settings.prefix))
    }

    /// A URL of this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.settings.address)
    }

    pub(crate) fn token(&self) -> TokenBuilder {
        let variable = self.variable();
        let client_id = &variable.clients[0].id;
        TokenBuilder::new(&self.issuer(), &variable.signing, self.settings.clock.now())
            .audience(&self.settings.audiences[0])
            .client_id(client_id)
            .subject(client_id)
            .expires_in(self.settings.token_lifetime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_for_two_requests_ends_after_two() {
        let mut settings = EndpointSettings {
            fault: Some(Fault::Null),
            faulty_requests: 2,
            ..EndpointSettings::default()
        };
        assert!(matches!(settings.next_fault(), Some(Fault::Null)));
        assert!(matches!(settings.next_fault(), Some(Fault::Null)));
        assert!(settings.next_fault().is_none());
        assert!(settings.next_fault().is_none());
    }
}
