//! What can be chosen about a source.

use std::sync::{Arc, Mutex, atomic::AtomicBool};

use arc_swap::ArcSwap;
use portcullis_core::ConfigError;
use portcullis_jose::DpopKey;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
use tokio::{
    sync::{Notify, broadcast, mpsc, oneshot, watch},
    time::Instant,
};

use super::{
    Handle, TokenSource,
    request::{Wanted, runtime},
    shared::Shared,
    task::{State, Task},
};

/// Configures a [`TokenSource`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the source"]
pub struct TokenSourceBuilder {
    server: AuthorizationServer,
    client: ClientAuthentication,
    wanted: Wanted,
}

impl TokenSourceBuilder {
    /// How many events a receiver may lag behind before it misses the oldest.
    const EVENTS: usize = 64;

    pub(super) fn new(server: AuthorizationServer, client: ClientAuthentication) -> Self {
        Self {
            server,
            client,
            wanted: Wanted::default(),
        }
    }

    /// Has tokens bound to this key (DPoP, RFC 9449): whoever steals one cannot use it without the key.
    ///
    /// A server that issues an unbound token instead is an error. Nonces that the authorization server or a service asks
    /// for are kept and used.
    pub fn dpop(mut self, key: DpopKey) -> Self {
        self.wanted.dpop(key);
        self
    }

    /// The scopes to ask for (RFC 6749 §3.3). None by default: the server then grants what it thinks fit.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.wanted.scopes(scopes);
        self
    }

    /// The service that the token is for (RFC 8707 §2): an absolute URI without a fragment. May be given several times,
    /// though a token for one service alone is safer.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.wanted.resource(resource.into());
        self
    }

    /// The `audience` parameter, by which some servers (Auth0 among them) are told whom the token is for.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.wanted.audience(audience.into());
        self
    }

    /// The most bytes that a token may have; 8 KiB by default, which is what the services of this workspace take. A longer
    /// one is an error that says so, since a service would refuse it with each call.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.wanted.max_token_bytes(bytes);
        self
    }

    /// The source. Nothing is asked until a token is wanted.
    ///
    /// # Errors
    ///
    /// When the client, a scope or a resource cannot be used, or there is no tokio runtime to run on. It
    /// must have tokio's time and IO enabled, which cannot be seen beforehand.
    pub fn build(self) -> Result<TokenSource, ConfigError> {
        let runtime = runtime("build")?;
        self.server.check(&self.client)?;
        let clock = self.server.clock().clone();
        let (request, binding) = self.wanted.build(&clock)?;
        let (ended, attempts) = watch::channel(0);
        let shared = Arc::new(Shared {
            binding,
            clock,
            server: self.server,
            client: self.client,
            request,
            state: ArcSwap::from_pointee(State::default()),
            is_asked: AtomicBool::new(false),
            is_attempting: AtomicBool::new(false),
            wake: Notify::new(),
            attempts,
            events: broadcast::Sender::new(Self::EVENTS),
            is_shut_down: AtomicBool::new(false),
            has_told_shut_down: AtomicBool::new(false),
            unrevoked: Mutex::default(),
            rejected: Mutex::default(),
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
