//! The scheme: a header with a key in it.

mod builder;

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName};
use portcullis_core::{
    Challenge, CredentialSource, Failure, Head, Outcome, Presence, Principal, Scheme, SharedClock,
};

use crate::{
    InvalidApiKey, KeyPrefix, KeyStore, Lookup, Peppers, StoreError, StoredKey, digest::KeyDigest,
    format::PresentedKey,
};

pub use builder::ApiKeysBuilder;

/// Lets callers in by an API key in a header of its own, `X-API-Key` by default. Query strings are not read.
///
/// | what was sent | answer |
/// |---|---|
/// | nothing | 401, a challenge without an error |
/// | an empty header, one with anything but visible ASCII, or two of them | 400 `invalid_request` |
/// | something else than a key, or a key that is mistyped, unknown, expired or revoked | 401 `invalid_token` |
/// | a key that cannot be decided on: the store is unreachable, or a pepper is missing | 503 |
///
/// Expiry has no leeway. The principal is a machine whose subject is the key's owner, and whose credential id is the
/// key's id.
///
/// ```
/// use http::HeaderName;
/// use portcullis_api_key::{ApiKeys, KeyPrefix, MemoryStore};
///
/// let keys = ApiKeys::new(MemoryStore::new());
///
/// let keys = ApiKeys::builder(MemoryStore::new())
///     .header(HeaderName::from_static("acme-key"))
///     .prefixes([KeyPrefix::new("acme_live")?])
///     .realm("orders")
///     .build()?;
/// # Ok::<_, portcullis_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ApiKeys(Arc<Inner>);

struct Inner {
    store: Arc<dyn KeyStore>,
    header: HeaderName,
    prefixes: Box<[KeyPrefix]>,
    peppers: Option<Peppers>,
    clock: SharedClock,
    challenge: Arc<Challenge>,
}

impl ApiKeys {
    /// The scheme over `store` with all defaults; see [`ApiKeysBuilder`] for what they are.
    ///
    /// # Panics
    ///
    /// Never: the defaults are good.
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Self::builder(store).build().expect("the defaults are good")
    }

    /// Starts a scheme over `store` with settings of its own.
    pub fn builder(store: impl KeyStore) -> ApiKeysBuilder {
        ApiKeysBuilder::new(Arc::new(store))
    }
}

impl Scheme for ApiKeys {
    fn source(&self) -> CredentialSource {
        CredentialSource::Header(self.0.header.clone())
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Presence<'h> {
        self.0.find(head.headers()).into()
    }

    fn authenticate(&self, _: &Head<'_>, text: &[u8]) -> Outcome {
        let presented = match self.0.parse(text) {
            Ok(presented) => presented,
            Err(failure) => return Outcome::Done(Err(failure)),
        };
        match self.0.store.lookup(&presented.id) {
            Lookup::Ready(found) => Outcome::Done(self.0.check(presented.digested, found)),
            Lookup::Pending(pending) => {
                let digested = portcullis_core::Secret::new(presented.digested);
                let inner = self.0.clone();
                Outcome::Pending(Box::pin(async move {
                    let found = pending.await;
                    inner.check(digested.expose(), found)
                }))
            }
        }
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.0.challenge
    }
}

/// One text for every key that is not good, so that it does not tell which ids exist.
pub(crate) const NOT_VALID: &str = "the API key is not valid";

impl Inner {
    /// The one value of the header.
    fn find<'h>(&self, headers: &'h HeaderMap) -> Result<Option<&'h [u8]>, Failure> {
        let mut values = headers.get_all(&self.header).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Failure::malformed("the API key was sent more than once"));
        }
        let value = value.as_bytes();
        if value.is_empty() {
            return Err(Failure::malformed("the API key is empty"));
        }
        Ok(Some(value))
    }

    fn parse<'h>(&self, text: &'h [u8]) -> Result<PresentedKey<'h>, Failure> {
        let presented = PresentedKey::parse(text).map_err(|invalid| {
            // Only now, since no key has any.
            if !text.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
                return Failure::malformed("the API key holds characters that no key has");
            }
            Failure::invalid(match invalid {
                InvalidApiKey::Form => NOT_VALID,
                InvalidApiKey::Checksum => "the API key was mistyped",
            })
            .with_internal(match invalid {
                InvalidApiKey::Form => "what was sent is no API key",
                InvalidApiKey::Checksum => "the checksum of the API key does not match",
            })
        })?;
        let accepted = self.prefixes.is_empty()
            || self
                .prefixes
                .iter()
                .any(|prefix| prefix.as_str().as_bytes() == presented.prefix);
        if accepted {
            Ok(presented)
        } else {
            Err(Failure::invalid(NOT_VALID).with_internal(format!(
                "API key {} begins with a prefix that is not accepted here",
                presented.id
            )))
        }
    }

    fn check(
        &self,
        digested: &[u8],
        found: Result<Option<Arc<StoredKey>>, StoreError>,
    ) -> Result<Principal, Failure> {
        let peppers = self.peppers.as_ref();
        match found {
            Ok(Some(key)) => key.verify(digested, &self.challenge, peppers, self.clock.now()),
            Ok(None) => {
                KeyDigest::pretend(digested, peppers);
                Err(Failure::invalid(NOT_VALID).with_internal("no API key has this id"))
            }
            Err(problem) => Err(Failure::unavailable("the API key cannot be checked now")
                .with_internal(problem.into_problem())),
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("header", &self.0.header)
            .field("prefixes", &self.0.prefixes)
            .field("peppers", &self.0.peppers)
            .finish_non_exhaustive()
    }
}
