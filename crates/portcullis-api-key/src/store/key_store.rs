use std::{borrow::Cow, fmt, pin::Pin, sync::Arc};

use crate::{format::ApiKeyId, stored::StoredKey};

/// Finds keys by id, also revoked and expired keys. It does not compare secrets.
///
/// An outdated record (*false positive*) lets a revoked key in, so a store documents how old its answers may be. `None`
/// for a key that exists (*false negative*) makes a caller throw a good key away, so a store that cannot tell returns a
/// [`StoreError`], which becomes 503 and never 401.
///
/// ```
/// use portcullis_api_key::{ApiKeyId, KeyStore, Lookup, StoreError};
///
/// struct Database;
///
/// impl KeyStore for Database {
///     fn lookup(&self, id: &ApiKeyId) -> Lookup {
///         let id = *id;
///         Lookup::Pending(Box::pin(async move {
///             Err(StoreError::new(format!("no connection to look up {id}")))
///         }))
///     }
/// }
/// ```
pub trait KeyStore: Send + Sync + 'static {
    /// Finds a key. Called for every well-formed key with an accepted prefix, so it must be cheap for ids that do not
    /// exist.
    fn lookup(&self, id: &ApiKeyId) -> Lookup;

    /// Finds the key that a caller presented, whose id is `id`. By default as [`lookup`](Self::lookup).
    ///
    /// For a store that asks another service, which checks whole keys. The scheme compares the digest of the record with that of
    /// the key, whichever method found it. The store must neither log nor store the key.
    fn lookup_presented(&self, id: &ApiKeyId, key: &[u8]) -> Lookup {
        let _ = key;
        self.lookup(id)
    }

    /// Why the store's snapshot may be out of date: keys, or changes of keys, may be missing from it. `None` by default.
    ///
    /// While the store has a doubt, [`lookup`](Self::lookup) must answer unknown ids with an error, which becomes 503. The scheme
    /// then answers 503 to a wrong secret as well, so that callers cannot find out which ids exist.
    fn doubt(&self) -> Option<StoreError> {
        None
    }
}

impl<T: KeyStore + ?Sized> KeyStore for Arc<T> {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        (**self).lookup(id)
    }

    fn lookup_presented(&self, id: &ApiKeyId, key: &[u8]) -> Lookup {
        (**self).lookup_presented(id, key)
    }

    fn doubt(&self) -> Option<StoreError> {
        (**self).doubt()
    }
}

impl fmt::Debug for dyn KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyStore")
    }
}

/// A store's answer: the key with an id, or `None` if no key has the id.
#[expect(
    clippy::exhaustive_enums,
    reason = "a store must give one of these answers"
)]
pub enum Lookup {
    /// The answer, known at once.
    Ready(Result<Option<Arc<StoredKey>>, StoreError>),
    /// The answer waits for IO. Only this case costs a boxed future.
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

/// The future of an answer. It may be dropped at any time, for example when the caller disconnects.
pub type PendingLookup =
    Pin<Box<dyn Future<Output = Result<Option<Arc<StoredKey>>, StoreError>> + Send>>;

/// Why a store cannot tell whether a key exists. The caller gets 503.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(Cow<'static, str>);

portcullis_core::debug_as_report!(StoreError);

impl StoreError {
    /// An error with a text for the log. Callers do not see the text. It must not contain secrets.
    pub fn new(problem: impl Into<Cow<'static, str>>) -> Self {
        Self(problem.into())
    }
}
