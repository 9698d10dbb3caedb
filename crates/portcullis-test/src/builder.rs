//! A test issuer to one's own measure.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use portcullis_core::{Secret, SharedClock, system_clock};

use crate::{
    Dialect, SigningAlgorithm, TestIssuer, TestKey,
    client::Client,
    server::Server,
    state::{Settings, State},
    token::DEFAULT_LIFETIME,
};

/// The audience of a test issuer's tokens when it was told of none.
pub const DEFAULT_AUDIENCE: &str = "https://orders.example.com";

/// Builds a [`TestIssuer`]. Everything has a default.
#[derive(Debug)]
#[must_use = "`start` starts the issuer"]
pub struct TestIssuerBuilder {
    listen: SocketAddr,
    prefix: String,
    signing: Signing,
    clock: SharedClock,
    audiences: Vec<String>,
    clients: Vec<Client>,
    token_lifetime: Duration,
    dialect: Dialect,
    openid_discovery: bool,
    oauth_discovery: bool,
    connections_die: bool,
}

#[derive(Debug)]
enum Signing {
    Generate(SigningAlgorithm),
    With(TestKey),
}

/// The issuer could not be started.
#[derive(thiserror::Error)]
#[error("a test issuer cannot listen on {address}")]
pub struct StartError {
    address: SocketAddr,
    source: io::Error,
}

impl std::fmt::Debug for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}

impl StartError {
    /// The address that could not be had.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl TestIssuerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            prefix: String::new(),
            signing: Signing::Generate(SigningAlgorithm::default()),
            clock: system_clock(),
            audiences: Vec::new(),
            clients: Vec::new(),
            token_lifetime: DEFAULT_LIFETIME,
            dialect: Dialect::default(),
            openid_discovery: true,
            oauth_discovery: true,
            connections_die: false,
        }
    }

    /// Where to listen; a free port of 127.0.0.1 by default. The address becomes part of the issuer's URL.
    pub fn listen(mut self, address: impl Into<SocketAddr>) -> Self {
        self.listen = address.into();
        self
    }

    /// Gives the issuer's URL a path, such as `/oidc`; none by default.
    ///
    /// OpenID Connect Discovery §4 then appends the well-known path to it, RFC 8414 §3.1 inserts it before. A missing
    /// leading slash is added, trailing ones are dropped.
    pub fn path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.prefix = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        self
    }

    /// The algorithm of the first key and its successors; ES256 by default.
    pub fn algorithm(mut self, algorithm: SigningAlgorithm) -> Self {
        self.signing = Signing::Generate(algorithm);
        self
    }

    /// The key to publish and sign with at first; a fresh one by default.
    pub fn signing_key(mut self, key: &TestKey) -> Self {
        self.signing = Signing::With(key.clone());
        self
    }

    /// Makes the issuer's tokens, and its `Date`, follow `clock`; the system clock by default.
    pub fn clock(mut self, clock: impl Into<SharedClock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Adds an audience that tokens are issued for; the first one is the default.
    ///
    /// With none added that is [`DEFAULT_AUDIENCE`], and clients may ask for any other too. Otherwise asking for
    /// another is `invalid_target` (RFC 8707 §2).
    pub fn audience(mut self, audience: &str) -> Self {
        self.audiences.push(audience.to_owned());
        self
    }

    /// Adds a client of the token endpoint, and the scopes it may have.
    ///
    /// With none added there is one: [`DEFAULT_CLIENT_ID`](crate::DEFAULT_CLIENT_ID) with
    /// [`DEFAULT_CLIENT_SECRET`](crate::DEFAULT_CLIENT_SECRET), which may have whatever it asks for. The first client
    /// is also the one that [`TestIssuer::token`] names. Its secret can be changed later, by
    /// [`TestIssuer::client_secrets`].
    pub fn client<S: Into<String>>(
        mut self,
        client_id: &str,
        secret: impl Into<Vec<u8>>,
        scopes: impl IntoIterator<Item = S>,
    ) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        self.clients
            .push(Client::new(client_id, Secret::new(secret), scopes));
        self
    }

    /// How long tokens live; five minutes by default.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// How a client is refused whose credential is wrong; as RFC 6749 has it by default.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Whether metadata is served where OpenID Connect Discovery §4 puts it; it is by default.
    pub fn openid_discovery(mut self, served: bool) -> Self {
        self.openid_discovery = served;
        self
    }

    /// Whether metadata is served where RFC 8414 §3.1 puts it; it is by default.
    pub fn oauth_discovery(mut self, served: bool) -> Self {
        self.oauth_discovery = served;
        self
    }

    /// Makes every connection good for one request, without a `Connection: close` that says so: a second request on it is
    /// dropped unanswered. Servers behave like that when they close an idle connection just as a request arrives.
    pub fn connections_die(mut self) -> Self {
        self.connections_die = true;
        self
    }

    /// Starts the issuer on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O, and where the operating system has no random numbers to give.
    pub async fn start(mut self) -> Result<TestIssuer, StartError> {
        let address = self.listen;
        let failed = |source| StartError { address, source };
        let socket = Server::bind(address).map_err(failed)?;
        let signing = match self.signing {
            Signing::Generate(algorithm) => TestKey::generate(algorithm),
            Signing::With(key) => key,
        };
        let any_audience = self.audiences.is_empty();
        if any_audience {
            self.audiences.push(DEFAULT_AUDIENCE.to_owned());
        }
        if self.clients.is_empty() {
            self.clients.push(Client::unlimited());
        }
        let settings = Settings {
            address: socket.local_addr().map_err(failed)?,
            prefix: self.prefix,
            clock: self.clock,
            audiences: self.audiences,
            any_audience,
            token_lifetime: self.token_lifetime,
            dialect: self.dialect,
            openid_discovery: self.openid_discovery,
            oauth_discovery: self.oauth_discovery,
            connections_die: self.connections_die,
        };
        let state = Arc::new(State::new(settings, signing, self.clients));
        let server = Server::start(socket, Arc::clone(&state)).map_err(failed)?;
        Ok(TestIssuer::new(state, server))
    }
}
