//! What can be chosen about an exchange.

use std::sync::{Arc, Mutex};

use portcullis_core::ConfigError;
use portcullis_jose::DpopKey;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
use tokio::{task::JoinSet, time::Instant};

use super::{Inner, TokenExchange, cache::Cache};
use crate::{
    TokenSource,
    source::{Wanted, runtime},
};

/// Configures a [`TokenExchange`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the exchange"]
pub struct TokenExchangeBuilder {
    server: AuthorizationServer,
    client: ClientAuthentication,
    wanted: Wanted,
    actor: Option<TokenSource>,
    issuers: Vec<Box<str>>,
    capacity: usize,
}

impl TokenExchangeBuilder {
    /// How many exchanged tokens are kept unless another [`capacity`](Self::capacity) is given.
    pub const CAPACITY: usize = 4096;

    pub(super) fn new(server: AuthorizationServer, client: ClientAuthentication) -> Self {
        Self {
            server,
            client,
            wanted: Wanted::default(),
            actor: None,
            issuers: Vec::new(),
            capacity: Self::CAPACITY,
        }
    }

    /// The scopes to ask for. None by default: the server then grants what it thinks fit.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.wanted.scopes(scopes);
        self
    }

    /// The service that the token is for (RFC 8707 §2): an absolute URI without a fragment. May be given several times.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.wanted.resource(resource.into());
        self
    }

    /// The logical name of the service that the token is for (RFC 8693 §2.1).
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.wanted.audience(audience.into());
        self
    }

    /// Tells the server that the service of this source acts for the subject (`actor_token`, RFC 8693 §2.1). By default
    /// the subject is impersonated, if the server lets that be.
    pub fn actor(mut self, actor: TokenSource) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The most bytes that a token may have; 8 KiB by default, which is what the services of this workspace take. A longer
    /// one is an error that says so, since a service would refuse it with each call.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.wanted.max_token_bytes(bytes);
        self
    }

    /// Has tokens bound to this key (DPoP, RFC 9449).
    pub fn dpop(mut self, key: DpopKey) -> Self {
        self.wanted.dpop(key);
        self
    }

    /// Lets tokens of this issuer be shown to the server too. By default only those that the server issued itself are, where
    /// both are known: a service that trusts several issuers must not hand the tokens of one to another.
    pub fn subject_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// How many exchanged tokens are kept, and how many exchanges may be under way at once; 4,096 by default.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// The exchange.
    ///
    /// # Errors
    ///
    /// When the client, a scope or a resource cannot be used, or there is no tokio runtime to run on. It
    /// must have tokio's time and IO enabled, which cannot be seen beforehand.
    pub fn build(self) -> Result<TokenExchange, ConfigError> {
        let runtime = runtime("build")?;
        self.server.check(&self.client)?;
        let clock = self.server.clock().clone();
        let (request, binding) = self.wanted.build(&clock)?;
        Ok(TokenExchange(Arc::new(Inner {
            server: self.server,
            client: self.client,
            request,
            actor: self.actor,
            binding,
            cache: Cache::new(self.capacity),
            issuers: self.issuers,
            outage: Mutex::default(),
            rejections: Mutex::default(),
            origin: Instant::now(),
            clock,
            runtime,
            told_untyped: Arc::default(),
            under_way: Mutex::new(JoinSet::new()),
        })))
    }
}
