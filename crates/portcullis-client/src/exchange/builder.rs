//! Configuration of a token exchange.

use std::sync::{Arc, Mutex, OnceLock};

use portcullis_core::ConfigError;
use portcullis_worker::current_runtime;
use tokio::{task::JoinSet, time::Instant};

use super::{Inner, TokenExchange, cache::Cache};
use crate::{
    TokenSource,
    token_client::{TokenClient, configure, request_setters},
};

/// Configures a [`TokenExchange`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the exchange"]
pub struct TokenExchangeBuilder {
    pub(super) client: Result<TokenClient, ConfigError>,
    pub(super) actor: Option<TokenSource>,
    pub(super) subject_issuers: Vec<Box<str>>,
    pub(super) capacity: usize,
}

impl TokenExchangeBuilder {
    request_setters!();

    /// Names the service of this source as the party that acts for the subject (`actor_token`, RFC 8693 §2.1). By
    /// default the subject is impersonated, if the server allows it.
    pub fn actor(mut self, actor: TokenSource) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Allows subject tokens of this issuer too. By default only tokens that the server itself issued are sent to it,
    /// where both issuers are known: a service that trusts several issuers must not reveal the tokens of one to another.
    pub fn subject_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.subject_issuers.push(issuer.into());
        self
    }

    /// How many exchanged tokens are cached, and how many exchanges may be in flight at once; 4,096 by default.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Builds the exchange.
    ///
    /// # Errors
    ///
    /// When a setting is invalid, or outside a tokio runtime. The runtime must have its time and IO drivers enabled,
    /// which cannot be checked here.
    pub fn build(self) -> Result<TokenExchange, ConfigError> {
        let runtime = current_runtime("TokenExchangeBuilder::build")?;
        Ok(TokenExchange(Arc::new(Inner {
            client: self.client?.check()?,
            actor: self.actor,
            subject_issuers: self.subject_issuers,
            cache: Mutex::new(Cache::new(self.capacity)),
            started: Instant::now(),
            untyped_warning: OnceLock::new(),
            runtime,
            in_flight: Mutex::new(JoinSet::new()),
        })))
    }
}
