//! What can be chosen about a source.

use std::sync::{Arc, Mutex, atomic::AtomicBool};

use arc_swap::ArcSwap;
use portcullis_core::ConfigError;
use portcullis_jwt::DpopKey;
use portcullis_remote::{AuthorizationServer, ClientAuthentication};
use tokio::{
    runtime::Handle as Runtime,
    sync::{Notify, broadcast, mpsc, oneshot, watch},
    time::Instant,
};

use super::{
    Handle, Shared, TokenSource,
    request::{self, TokenRequest},
    task::{State, Task},
};
use crate::token::Binding;

/// Configures a [`TokenSource`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the source"]
pub struct TokenSourceBuilder {
    server: AuthorizationServer,
    client: ClientAuthentication,
    scopes: Vec<String>,
    resources: Vec<String>,
    audience: Option<String>,
    dpop: Option<DpopKey>,
}

impl TokenSourceBuilder {
    /// How many events a receiver may lag behind before it misses the oldest.
    const EVENTS: usize = 64;

    pub(super) fn new(server: AuthorizationServer, client: ClientAuthentication) -> Self {
        Self {
            server,
            client,
            scopes: Vec::new(),
            resources: Vec::new(),
            audience: None,
            dpop: None,
        }
    }

    /// Has tokens bound to this key (DPoP, RFC 9449): whoever steals one cannot use it without the key.
    ///
    /// A server that issues an unbound token instead is an error. Nonces that the authorization server or a service asks
    /// for are kept and used.
    pub fn dpop(mut self, key: DpopKey) -> Self {
        self.dpop = Some(key);
        self
    }

    /// The scopes to ask for (RFC 6749 §3.3). None by default: the server then grants what it thinks fit.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let scopes = scopes.into_iter();
        self.scopes
            .extend(scopes.map(|scope| scope.as_ref().to_owned()));
        self
    }

    /// The service that the token is for (RFC 8707 §2): an absolute URI without a fragment. May be given several times,
    /// though a token for one service alone is safer.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// The `audience` parameter, by which some servers (Auth0 among them) are told whom the token is for.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// The source. Nothing is asked until a token is wanted.
    ///
    /// # Errors
    ///
    /// When the client, a scope or a resource cannot be used, or there is no tokio runtime to run on.
    pub fn build(self) -> Result<TokenSource, ConfigError> {
        let runtime = Runtime::try_current().map_err(|_| {
            ConfigError::new(
                "build",
                "there is no tokio runtime: call it on one that lives on",
            )
        })?;
        self.server.check(&self.client)?;
        let resources = self.resources.iter().map(|given| request::resource(given));
        let request = TokenRequest {
            scopes: request::scopes(&self.scopes)?,
            resources: resources.collect::<Result<_, _>>()?,
            audience: self.audience.map(String::into_boxed_str),
        };
        let clock = self.server.clock().clone();
        let binding = self.dpop.map(|key| Binding {
            key,
            nonces: Arc::default(),
            clock: clock.clone(),
        });
        let (ended, attempts) = watch::channel(0);
        let shared = Arc::new(Shared {
            binding,
            clock,
            server: self.server,
            client: self.client,
            request,
            state: ArcSwap::from_pointee(State::default()),
            is_asked: AtomicBool::new(false),
            wake: Notify::new(),
            attempts,
            events: broadcast::Sender::new(Self::EVENTS),
            is_shut_down: AtomicBool::new(false),
            unrevoked: Mutex::default(),
            rejections: Mutex::default(),
            origin: Instant::now(),
        });
        let (stop, stopped) = oneshot::channel();
        let (refreshes, received) = mpsc::unbounded_channel();
        let task = Task::new(shared.clone(), received, ended);
        // Owned by the source, not by its handle: it ends when `stop` is dropped with that.
        drop(runtime.spawn(task.run(stopped)));
        Ok(TokenSource(Arc::new(Handle {
            shared,
            refreshes,
            stop: Mutex::new(Some(stop)),
        })))
    }
}
