//! API keys: their format, stores for them, and the scheme that checks them.
//!
//! A key has the form `{prefix}_{id}_{secret}{checksum}`. The id is public: stores look keys up by it, and logs name it.
//! A store keeps the SHA-256 or HMAC-SHA-256 of everything before the checksum. A password hash is not needed, since the
//! secret has 160 random bits. The checksum rejects typos without a store lookup.
//!
//! ```
//! use portcullis_api_key::{ApiKeys, MemoryStore, NewKey};
//! use portcullis_core::{AuthenticateLayer, ScopeSet};
//!
//! let store = MemoryStore::new();
//! let issued = store.create(NewKey::new("billing").scopes(ScopeSet::parse("orders:read")))?;
//! println!("{}", issued.key().expose()); // shown once
//!
//! let layer = AuthenticateLayer::new(ApiKeys::new(store.clone()));
//! # Ok::<_, portcullis_api_key::KeyError>(())
//! ```
//!
//! Stores: [`MemoryStore`] for keys that the program manages, `FileStore` (feature `file`) for a watched TOML file,
//! `CachedStore` (feature `cached`) before a [`KeySource`] such as a database, or your own [`KeyStore`].

mod base62;
#[cfg(feature = "cached")]
mod cached;
mod digest;
mod error;
mod foreign;
mod format;
mod hex;
mod issue;
mod limit;
mod manage;
mod networks;
mod pepper;
mod record;
mod scheme;
mod source;
mod store;
mod stored;

#[cfg(feature = "cached")]
pub use cached::{CachedStore, CachedStoreBuilder, CachedStoreError, CachedStoreStatus, PushState};
pub use digest::KeyDigest;
pub use error::KeyError;
pub use format::{ApiKey, ApiKeyId, InvalidApiKey, KeyPrefix};
pub use issue::{DEFAULT_ROTATION_GRACE, IssuedKey, KeyMaker, NewKey};
#[cfg(feature = "limit")]
pub use limit::LocalLimiter;
pub use limit::{
    Limit, LimitCheck, LimitDecision, LimitSubject, Limiter, PendingLimitDecision, Quota,
};
pub use manage::{
    Created, Cursor, Imported, InvalidCursor, KeyManager, KeyPage, KeyQuery, ManageError,
};
pub use networks::Networks;
pub use pepper::Peppers;
pub use record::{Idempotency, KeyRecord, KeyState};
pub use scheme::{ApiKeys, ApiKeysBuilder};
pub use source::{Bus, BusMessage, KeySource, KeyUse, Position, Seen, Subscription};
#[cfg(all(feature = "file", unix))]
pub use store::KeyFile;
#[cfg(feature = "file")]
pub use store::{FileStore, FileStoreBuilder, FileStoreStatus, KeyFileError, to_rfc3339};
pub use store::{KeyStore, Lookup, MemoryStore, PendingLookup, StoreError};
pub use stored::StoredKey;
