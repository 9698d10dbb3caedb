//! Checks keys by the introspection endpoint of another service.

mod answers;
mod builder;
mod endpoint;
mod flight;
mod introspected;

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::FutureExt;
use portcullis_api_key::{ApiKeyId, KeyStore, Lookup, PendingLookup, StoreError};
use portcullis_core::{
    Secret,
    clock::{Moment, SharedClock},
    lock,
};
use tokio::time::Instant;

use self::{
    answers::{Answers, KeyHash, Plan},
    endpoint::Endpoint,
    flight::Flight,
};

pub use self::builder::IntrospectionStoreBuilder;

/// A [`KeyStore`] for a service without the store of its callers' keys: it checks each key by the introspection endpoint
/// (RFC 7662) of a service that has the store, such as `/introspect` of a router that [`KeyAdmin`](crate::KeyAdmin) built.
///
/// Answers are cached. While the endpoint can be reached, a revoked key is accepted for at most 5 s, and a key that was not
/// valid is asked for again after 5 s. While it cannot be reached, keys that were valid are accepted for at most 15 min since
/// their last check, and all others get 503. Callers that present the same key share one request to the endpoint. A wrong
/// secret is never answered as the right one: the cache compares the digest of the whole key.
///
/// The networks and the limit of a key come with the answer, and the scheme over this store enforces them.
///
/// ```no_run
/// use portcullis_admin::IntrospectionStore;
/// use portcullis_api_key::ApiKeys;
/// use portcullis_client::ApiKeySource;
///
/// let own_key = ApiKeySource::watch("/run/secrets/introspection-key")?; // with the scope `keys:introspect`
/// let store = IntrospectionStore::builder("https://keys.example.com/admin/keys/introspect")
///     .api_key(own_key)
///     .build()?;
/// let keys = ApiKeys::new(store);
/// # Ok::<_, portcullis_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct IntrospectionStore(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    answers: std::sync::Mutex<Answers>,
    bounds: Bounds,
    clock: SharedClock,
    started: Instant,
}

/// How old answers may be.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    reachable: Duration,
    unreachable: Duration,
}

/// How an [`IntrospectionStore`] is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntrospectionStoreStatus {
    /// The keys that are cached.
    pub keys: usize,
    /// Why the last request to the endpoint failed; `None` if it did not.
    pub problem: Option<String>,
    /// How long a revoked key may be accepted now.
    pub bound: Duration,
}

impl IntrospectionStore {
    /// How the store is doing.
    #[must_use]
    pub fn status(&self) -> IntrospectionStoreStatus {
        let answers = lock(&self.0.answers);
        let problem = answers.problem().map(|problem| problem.to_string());
        let bounds = self.0.bounds;
        IntrospectionStoreStatus {
            keys: answers.len(),
            bound: match problem {
                None => bounds.reachable,
                Some(_) => bounds.unreachable,
            },
            problem,
        }
    }
}

impl KeyStore for IntrospectionStore {
    /// Finds only keys that were checked a moment ago: the endpoint checks whole keys.
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        let inner = &self.0;
        let known = lock(&inner.answers).fresh(id, inner.now(), &inner.bounds);
        Lookup::Ready(match known {
            Some(key) => Ok(Some(key)),
            None => Err(StoreError::new(
                "keys are checked by introspection, which needs the whole key: look up the presented key",
            )),
        })
    }

    fn lookup_presented(&self, id: &ApiKeyId, key: &[u8]) -> Lookup {
        let inner = &self.0;
        let now = inner.now();
        let mut answers = lock(&inner.answers);
        if let Some(known) = answers.fresh(id, now, &inner.bounds) {
            return Lookup::Ready(Ok(Some(known)));
        }
        let hash = hash(key);
        match answers.plan(id, &hash, now, &inner.bounds) {
            Plan::Answer(answer) => Lookup::Ready(answer),
            Plan::Join(flight) => Lookup::Pending(Box::pin(flight)),
            Plan::Begin(number) => {
                let flight = Flight {
                    store: inner.clone(),
                    id: *id,
                    key: Secret::new(key),
                    hash,
                    number,
                    begun: now,
                };
                let flight: PendingLookup = Box::pin(flight.run());
                let flight = flight.shared();
                answers.note_flight(hash, number, &flight);
                Lookup::Pending(Box::pin(flight))
            }
        }
    }

    fn doubt(&self) -> Option<StoreError> {
        lock(&self.0.answers).problem().cloned()
    }
}

impl Inner {
    fn now(&self) -> Moment {
        Moment::new(self.clock.now(), self.started.elapsed())
    }
}

/// The digest of a whole key, as the caller sent it.
fn hash(key: &[u8]) -> KeyHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, key).as_ref());
    hash
}

impl fmt::Debug for IntrospectionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionStore")
            .field("url", &self.0.endpoint.name())
            .field("bounds", &self.0.bounds)
            .finish_non_exhaustive()
    }
}
