//! What the issuer's handle and its server share.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portcullis_core::SharedClock;
use serde_json::{Map, Value};

use crate::{
    Dialect, Endpoint, PublishedKey, TestKey, TokenBuilder, answering::Answering, client::Client,
    fault::Faults, record::Record,
};

/// All that an issuer is, except its socket.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) record: Record,
    changing: Mutex<Changing>,
}

/// What stays as it was built.
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    /// Where the issuer's path begins: empty, or `/` and more.
    pub(crate) prefix: String,
    pub(crate) clock: SharedClock,
    /// The first is the default. Never empty.
    pub(crate) audiences: Vec<String>,
    /// Whether a client may ask for tokens for any other audience.
    pub(crate) any_audience: bool,
    pub(crate) token_lifetime: Duration,
    pub(crate) dialect: Dialect,
    pub(crate) openid_discovery: bool,
    pub(crate) oauth_discovery: bool,
    /// Whether a connection is good for one request only.
    pub(crate) connections_die: bool,
}

/// What a test changes while the issuer runs.
pub(crate) struct Changing {
    pub(crate) published: Vec<PublishedKey>,
    pub(crate) signing: TestKey,
    /// The first is the default. Never empty, and none comes or goes; their secrets do.
    pub(crate) clients: Vec<Client>,
    pub(crate) faults: Faults,
    pub(crate) answering: [Answering; Endpoint::ALL.len()],
    /// Members of the metadata that were set (or, with `None`, left out) by the test.
    pub(crate) metadata: Map<String, Value>,
    pub(crate) metadata_left_out: Vec<String>,
    /// Members of the metadata at RFC 8414's place alone, over the others.
    pub(crate) oauth_metadata: Map<String, Value>,
}

impl State {
    pub(crate) fn new(settings: Settings, signing: TestKey, clients: Vec<Client>) -> Self {
        Self {
            settings,
            record: Record::new(),
            changing: Mutex::new(Changing {
                published: vec![PublishedKey::from(&signing)],
                signing,
                clients,
                faults: Faults::default(),
                answering: Default::default(),
                metadata: Map::new(),
                metadata_left_out: Vec::new(),
                oauth_metadata: Map::new(),
            }),
        }
    }

    /// Never held across an await.
    pub(crate) fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The issuer identifier (RFC 8414 §2).
    pub(crate) fn issuer(&self) -> String {
        self.under_prefix("")
    }

    /// A URL below the issuer's own.
    pub(crate) fn under_prefix(&self, path: &str) -> String {
        self.url(&format!("{}{path}", self.settings.prefix))
    }

    /// A URL of this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.settings.address)
    }

    pub(crate) fn token(&self) -> TokenBuilder {
        let changing = self.changing();
        let client_id = &changing.clients[0].id;
        TokenBuilder::new(&self.issuer(), &changing.signing, self.settings.clock.now())
            .audience(&self.settings.audiences[0])
            .client_id(client_id)
            .subject(client_id)
            .expires_in(self.settings.token_lifetime)
    }
}
