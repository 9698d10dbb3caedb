//! Configuration of a test issuer.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use portcullis_core::clock::{SharedClock, system_clock};
use serde_json::Value;

use crate::{
    SigningAlgorithm, TestIssuer, TestKey,
    client::{Client, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET},
    server::Server,
    settings::Settings,
    state::State,
    token::DEFAULT_LIFETIME,
};

/// Builds a [`TestIssuer`]. Everything has a default.
#[derive(Debug)]
#[must_use = "`start` starts the issuer"]
pub struct TestIssuerBuilder {
    /// Its address is the one to listen on.
    settings: Settings,
    signing_key: Option<TestKey>,
    clients: Vec<Client>,
}

impl TestIssuer {
    /// Starts an issuer with defaults: a free port of 127.0.0.1, one ES256 key, one client.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O, and if it cannot listen.
    pub async fn start() -> Self {
        let started = Self::builder().start().await;
        started.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Configures an issuer.
    pub fn builder() -> TestIssuerBuilder {
        TestIssuerBuilder::new()
    }
}

impl TestIssuerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings {
                address: (Ipv4Addr::LOCALHOST, 0).into(),
                prefix: String::new(),
                clock: system_clock(),
                audiences: Vec::new(),
                token_lifetime: DEFAULT_LIFETIME,
                client_rejection: None,
                openid_discovery: true,
                oauth_discovery: true,
                connections_die: false,
            },
            signing_key: None,
            clients: Vec::new(),
        }
    }

    /// The address to listen on, which becomes part of the issuer's URL. By default it is a free port of 127.0.0.1.
    pub fn listen(mut self, address: impl Into<SocketAddr>) -> Self {
        self.settings.address = address.into();
        self
    }

    /// The path of the issuer's URL, such as `/oidc`; none by default.
    ///
    /// OpenID Connect Discovery §4 appends the well-known path to it, RFC 8414 §3.1 inserts it before. Slashes around it are
    /// optional.
    pub fn path(mut self, path: &str) -> Self {
        self.settings.prefix = match path.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        self
    }

    /// The algorithm of the first key and its successors; ES256 by default.
    pub fn algorithm(self, algorithm: SigningAlgorithm) -> Self {
        self.signing_key(&TestKey::generate(algorithm))
    }

    /// The first key that is published and signs; a new one by default.
    pub fn signing_key(mut self, key: &TestKey) -> Self {
        self.signing_key = Some(key.clone());
        self
    }

    /// The clock of the issuer's tokens and `Date` headers; the system clock by default.
    pub fn clock(mut self, clock: impl Into<SharedClock>) -> Self {
        self.settings.clock = clock.into();
        self
    }

    /// Adds an audience that tokens are issued for; the first one is the default.
    ///
    /// With none added, the default is [`DEFAULT_AUDIENCE`](crate::DEFAULT_AUDIENCE) and clients may request any other.
    /// Otherwise a request for another audience is an `invalid_target` error (RFC 8707 §2).
    pub fn audience(mut self, audience: &str) -> Self {
        self.settings.audiences.push(audience.to_owned());
        self
    }

    /// Adds a client of the token endpoint, and the scopes it may request.
    ///
    /// With none added there is one: [`DEFAULT_CLIENT_ID`](crate::DEFAULT_CLIENT_ID) with
    /// [`DEFAULT_CLIENT_SECRET`](crate::DEFAULT_CLIENT_SECRET), which may request any scope. [`TestIssuer::token`] names
    /// the first client.
    pub fn client<S: Into<String>>(
        mut self,
        client_id: &str,
        secret: impl Into<Vec<u8>>,
        scopes: impl IntoIterator<Item = S>,
    ) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        let client = Client::new(client_id, secret, Some(scopes));
        self.clients.push(client);
        self
    }

    /// The lifetime of tokens; five minutes by default.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.token_lifetime = lifetime;
        self
    }

    /// The JSON body of the 401 for a wrong client or secret, instead of RFC 6749's.
    pub fn client_rejection(mut self, body: impl Into<Value>) -> Self {
        self.settings.client_rejection = Some(body.into());
        self
    }

    /// Whether metadata is served by OpenID Connect Discovery §4; on by default.
    pub fn openid_discovery(mut self, on: bool) -> Self {
        self.settings.openid_discovery = on;
        self
    }

    /// Whether metadata is served by RFC 8414 §3.1; on by default.
    pub fn oauth_discovery(mut self, on: bool) -> Self {
        self.settings.oauth_discovery = on;
        self
    }

    /// Closes a connection at its second request, like a server that closes an idle connection as a request arrives.
    pub fn connections_die(mut self) -> Self {
        self.settings.connections_die = true;
        self
    }

    /// Starts the issuer on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If it cannot listen on the address.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O.
    pub async fn start(mut self) -> io::Result<TestIssuer> {
        let address = self.settings.address;
        let failed = |error: io::Error| {
            let message = format!("a test issuer cannot listen on {address}: {error}");
            io::Error::new(error.kind(), message)
        };
        let (mut server, bound) = Server::bind(address).map_err(failed)?;
        self.settings.address = bound;
        if self.clients.is_empty() {
            let client = Client::new(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, None);
            self.clients.push(client);
        }
        let generate = || TestKey::generate(SigningAlgorithm::default());
        let signing = self.signing_key.unwrap_or_else(generate);
        let state = Arc::new(State::new(self.settings, signing, self.clients));
        server.listen(Arc::clone(&state)).map_err(failed)?;
        Ok(TestIssuer::new(state, server))
    }
}
