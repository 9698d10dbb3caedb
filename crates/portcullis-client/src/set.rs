//! Tokens for many services.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use portcullis_core::{ConfigError, ScopeSet, lock};

use crate::{TokenSource, TokenSourceBuilder, request::parse_scopes};

/// A cache of token sources, one for each service and set of scopes, for services that call many others: a token for a
/// single service is useless anywhere else (RFC 8707 §3). Clones share it.
///
/// A full set evicts the least recently used source; clones of that source keep working.
///
/// ```no_run
/// # use portcullis_client::*;
/// let template = TokenSource::client_credentials("https://issuer.example.com", "billing", "s3cr3t");
/// let orders = TokenSet::new(template).source("https://orders.example.com", ["orders:read"])?;
/// # Ok::<_, portcullis_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TokenSet {
    template: TokenSourceBuilder,
    capacity: usize,
    /// Most recently used first.
    sources: Arc<Mutex<VecDeque<(Key, TokenSource)>>>,
}

type Key = (Box<str>, ScopeSet);

impl TokenSet {
    /// A set of up to 128 sources. `template` has the settings that all sources share.
    pub fn new(template: TokenSourceBuilder) -> Self {
        Self::with_capacity(template, 128)
    }

    /// A set of up to `capacity` sources, but at least one.
    pub fn with_capacity(template: TokenSourceBuilder, capacity: usize) -> Self {
        Self {
            template,
            capacity: capacity.max(1),
            sources: Arc::default(),
        }
    }

    /// Returns the source of tokens for this service with these scopes. The order of scopes does not matter.
    ///
    /// # Errors
    ///
    /// As [`TokenSourceBuilder::build`].
    pub fn source(
        &self,
        resource: impl AsRef<str>,
        scopes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<TokenSource, ConfigError> {
        let key = (resource.as_ref().into(), parse_scopes(scopes)?);
        let mut sources = lock(&self.sources);
        sources.retain(|(_, source)| !source.is_stopped());
        let position = sources.iter().position(|(other, _)| *other == key);
        let source = match position.and_then(|position| sources.remove(position)) {
            Some((_, source)) => source,
            None => {
                let builder = self.template.clone().resource(&*key.0);
                builder.scopes(key.1.iter()).build()?
            }
        };
        sources.push_front((key, source.clone()));
        sources.truncate(self.capacity);
        Ok(source)
    }

    /// The sources in the set, most recently used first.
    pub fn sources(&self) -> Vec<TokenSource> {
        let sources = lock(&self.sources);
        sources.iter().map(|(_, source)| source.clone()).collect()
    }
}
