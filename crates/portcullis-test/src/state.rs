//! The state that the issuer's handle shares with its server.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use portcullis_core::clock::SharedClock;
use serde_json::{Map, Value};

use crate::{
    Endpoint, PublishedKey, TestKey, TokenBuilder, client::Client, fault::Faults, record::Record,
};

/// An issuer without its socket.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) record: Record,
    variable: Mutex<Variable>,
}

/// Settings of the builder.
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
    pub(crate) published: Vec<PublishedKey>,
    pub(crate) signing: TestKey,
    /// Never empty; the first is the default. Only their secrets change.
    pub(crate) clients: Vec<Client>,
    pub(crate) faults: Faults,
    /// By [`Endpoint::index`].
    pub(crate) endpoints: [EndpointSettings; Endpoint::ALL.len()],
    pub(crate) metadata: Map<String, Value>,
    pub(crate) metadata_left_out: Vec<String>,
    /// Members of RFC 8414's document alone.
    pub(crate) oauth_metadata: Map<String, Value>,
}

/// How an endpoint answers when it has no fault.
#[derive(Clone, Default)]
pub(crate) struct EndpointSettings {
    pub(crate) headers: HeaderMap,
    /// Whether answers have an `ETag`, and `If-None-Match` is honoured.
    pub(crate) etag: bool,
    /// Seconds that the `Date` header is ahead of the issuer's clock.
    pub(crate) date_skew: i64,
    /// The bearer token that is required.
    pub(crate) bearer: Option<String>,
}

impl State {
    pub(crate) fn new(settings: Settings, signing: TestKey, clients: Vec<Client>) -> Self {
        Self {
            settings,
            record: Record::new(),
            variable: Mutex::new(Variable {
                published: vec![PublishedKey::from(&signing)],
                signing,
                clients,
                faults: Faults::default(),
                endpoints: Default::default(),
                metadata: Map::new(),
                metadata_left_out: Vec::new(),
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
