//! Where keys are kept.

#[cfg(feature = "file")]
mod file;
mod index;
mod memory;

use std::{borrow::Cow, fmt, pin::Pin, sync::Arc};

use crate::{ApiKeyId, StoredKey};

#[cfg(feature = "file")]
pub use file::{FileProblem, FileStore, FileStoreBuilder, FileStoreStatus, KeyFile, KeyFileError};
pub use memory::MemoryStore;

/// Finds keys by id.
///
/// Comparing secrets, expiry and revocation are not its business: it hands out what it holds, revoked keys too.
///
/// A *false positive*, a record that is no longer true, lets a revoked key in: a store states how late it may be. A
/// *false negative*, `None` for a key that exists, makes a caller throw a good key away: a store that cannot tell
/// answers with a [`StoreError`], which becomes 503 and never 401.
///
/// ```
/// use std::sync::Arc;
/// use portcullis_api_key::*;
///
/// /// Asks a database for keys that are not in memory.
/// struct Cached { memory: MemoryStore }
///
/// impl KeyStore for Cached {
///     fn lookup(&self, id: &ApiKeyId) -> Lookup {
///         match self.memory.lookup(id) {
///             Lookup::Ready(Ok(None)) => {
///                 let id = *id;
///                 Lookup::Pending(Box::pin(async move { find(id).await }))
///             }
///             found => found,
///         }
///     }
/// }
///
/// async fn find(id: ApiKeyId) -> Result<Option<Arc<StoredKey>>, StoreError> {
///     Err(StoreError::new(format!("no connection to look up {id}")))
/// }
/// ```
pub trait KeyStore: Send + Sync + 'static {
    /// Finds a key. Called for each request with a well-formed key, before its secret is checked: it must be cheap for
    /// ids that do not exist.
    fn lookup(&self, id: &ApiKeyId) -> Lookup;

    /// Why keys may exist that [`lookup`](Self::lookup) does not find, for a store that answers from what it read before.
    ///
    /// While it has doubts, a store answers unknown ids with an error. It is asked for them here when a known id came
    /// with a wrong secret: both are then answered 503, so that callers cannot find out which ids exist. `None` by
    /// default.
    fn doubt(&self) -> Option<StoreError> {
        None
    }
}

impl<T: KeyStore + ?Sized> KeyStore for Arc<T> {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        (**self).lookup(id)
    }

    fn doubt(&self) -> Option<StoreError> {
        (**self).doubt()
    }
}

/// A store's answer.
#[expect(
    clippy::exhaustive_enums,
    reason = "a store must give one of these answers"
)]
pub enum Lookup {
    /// Known at once.
    Ready(Result<Option<Arc<StoredKey>>, StoreError>),
    /// The answer waits for IO. This is the only case that costs a boxed future.
    Pending(PendingLookup),
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(found) => f.debug_tuple("Ready").field(found).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// An answer that is not there yet. Dropping it must be harmless: a caller may leave at any moment.
pub type PendingLookup =
    Pin<Box<dyn Future<Output = Result<Option<Arc<StoredKey>>, StoreError>> + Send>>;

/// A store cannot tell whether a key exists: 503.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(Cow<'static, str>);

impl std::fmt::Debug for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}

impl StoreError {
    /// Says for the log what is wrong. No secrets; callers are not told.
    pub fn new(problem: impl Into<Cow<'static, str>>) -> Self {
        Self(problem.into())
    }

    pub(crate) fn into_problem(self) -> Cow<'static, str> {
        self.0
    }
}
