//! API keys: what they look like, how they are stored, and the scheme that checks them.
//!
//! A key reads `{prefix}_{id}_{secret}{checksum}`. The id is public: stores look it up, logs and audit name it. The
//! secret is 160 random bits and more, so a store keeps a plain or keyed SHA-256 of it and no password hash. The
//! checksum rejects typos before a store is asked.
//!
//! ```
//! use portcullis_api_key::{ApiKeys, MemoryStore, NewKey};
//! use portcullis_core::{AuthenticateLayer, ScopeSet};
//!
//! let store = MemoryStore::new();
//! let issued = store.create(NewKey::new("billing").scopes(ScopeSet::parse("orders:read")))?;
//! println!("{}", issued.key().expose()); // once, to whoever asked for it
//!
//! let layer = AuthenticateLayer::new(ApiKeys::new(store.clone()));
//! # Ok::<_, portcullis_api_key::KeyError>(())
//! ```
//!
//! Stores: [`MemoryStore`] for keys that something else manages, `FileStore` (feature `file`) for a TOML file that
//! is watched, or your own [`KeyStore`].
//!
//! The order of a key through the files: `scheme/` → `format/key.rs` → a store's `lookup` → `digest.rs` → `stored.rs`.

mod base62;
mod digest;
mod error;
mod format;
mod issue;
mod pepper;
mod record;
mod scheme;
mod store;
mod stored;

pub use digest::{InvalidKeyDigest, KeyDigest};
pub use error::KeyError;
pub use format::{ApiKey, ApiKeyId, InvalidApiKey, InvalidApiKeyId, KeyPrefix};
pub use issue::{DEFAULT_LIFETIME, DEFAULT_ROTATION_GRACE, IssuedKey, NewKey};
pub use pepper::Peppers;
pub use record::KeyRecord;
pub use scheme::{ApiKeys, ApiKeysBuilder};
#[cfg(feature = "file")]
pub use store::{FileProblem, FileStore, FileStoreBuilder, FileStoreStatus, KeyFile, KeyFileError};
pub use store::{KeyStore, Lookup, MemoryStore, PendingLookup, StoreError};
pub use stored::StoredKey;
