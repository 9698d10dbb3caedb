//! Tokens for many services.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use portcullis_core::{ConfigError, ScopeSet};

use crate::{TokenSource, TokenSourceBuilder};

/// A token source for each service and scope that calls are made with, for services that call many others. A token for
/// one service alone is of no use to that service elsewhere (RFC 8707 §3).
///
/// Sources are made when they are first asked for, and the one that was not asked for the longest is let go of when there
/// are too many; whoever holds a clone of it keeps it.
///
/// ```no_run
/// # use portcullis_client::*;
/// # async fn f(server: AuthorizationServer, client: ClientAuthentication) -> Result<(), Box<dyn std::error::Error>> {
/// let set = TokenSet::new(TokenSource::builder(&server, client));
/// let orders = set.source("https://orders.example.com", ["orders:read"])?;
/// let token = orders.token().await?;
/// # drop(token);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenSet(Arc<Inner>);

struct Inner {
    template: TokenSourceBuilder,
    capacity: usize,
    /// The one that was asked for last in front.
    sources: Mutex<VecDeque<Kept>>,
}

struct Kept {
    resource: Box<str>,
    scopes: ScopeSet,
    source: TokenSource,
}

impl TokenSet {
    /// How many sources are kept unless another [capacity](Self::with_capacity) is given.
    pub const CAPACITY: usize = 128;

    /// A set of up to 128 sources. `template` says from which server, as which client, and what all have in common.
    #[must_use]
    pub fn new(template: TokenSourceBuilder) -> Self {
        Self::with_capacity(template, Self::CAPACITY)
    }

    /// A set of up to `capacity` sources, but at least one.
    #[must_use]
    pub fn with_capacity(template: TokenSourceBuilder, capacity: usize) -> Self {
        Self(Arc::new(Inner {
            template,
            capacity: capacity.max(1),
            sources: Mutex::default(),
        }))
    }

    /// The source of tokens for this service with these scopes, in whatever order they are given.
    ///
    /// # Errors
    ///
    /// When the resource or a scope cannot be asked for, or there is no tokio runtime to run on. It
    /// must have tokio's time and IO enabled, which cannot be seen beforehand.
    pub fn source(
        &self,
        resource: impl AsRef<str>,
        scopes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<TokenSource, ConfigError> {
        let resource = resource.as_ref();
        let given: Vec<String> = scopes
            .into_iter()
            .map(|scope| scope.as_ref().to_owned())
            .collect();
        let scopes = crate::source::scopes(&given)?;
        let inner = &*self.0;
        let mut sources = inner.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|kept| !kept.source.is_stopped());
        let is_it = |kept: &Kept| *kept.resource == *resource && kept.scopes == scopes;
        let kept = match sources.iter().position(is_it) {
            Some(0) => return Ok(sources[0].source.clone()),
            Some(place) => sources.remove(place),
            None => None,
        };
        let kept = match kept {
            Some(kept) => kept,
            None => {
                let template = inner.template.clone().resource(resource);
                Kept {
                    source: template.scopes(scopes.iter()).build()?,
                    resource: resource.into(),
                    scopes,
                }
            }
        };
        let source = kept.source.clone();
        sources.push_front(kept);
        sources.truncate(inner.capacity);
        Ok(source)
    }

    /// The sources that are kept, the one that was asked for last in front.
    #[must_use]
    pub fn sources(&self) -> Vec<TokenSource> {
        let sources = self
            .0
            .sources
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sources.iter().map(|kept| kept.source.clone()).collect()
    }
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSet")
            .field("template", &self.0.template)
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}
