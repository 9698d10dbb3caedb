//! Managing the keys of any store.

mod error;
mod query;

use std::time::Duration;

use async_trait::async_trait;
use portcullis_core::clock::UnixTime;

use crate::{
    format::ApiKeyId,
    issue::{IssuedKey, NewKey},
    record::KeyRecord,
};
pub use error::ManageError;
pub use query::{Cursor, InvalidCursor, KeyPage, KeyQuery};

/// Creates, lists, rotates and revokes the keys of a store. The command line, the HTTP routes and programs use it.
///
/// A change is stored completely or not at all. A method that was cancelled may or may not have made its change.
#[async_trait]
pub trait KeyManager: Send + Sync + 'static {
    /// Creates a key. If a record has the [`Idempotency`](crate::Idempotency) key of `new`, creates none.
    ///
    /// # Errors
    ///
    /// As [`NewKey::issue`]; [`ManageError::IdempotencyConflict`]; when the store fails.
    async fn create(&self, new: NewKey) -> Result<Created, ManageError>;

    /// Stores records of keys that were issued elsewhere, in one change. A record whose id is in the store already is skipped
    /// if it has the same digest.
    ///
    /// # Errors
    ///
    /// [`KeyError::Duplicate`](crate::KeyError::Duplicate) when an id is in the store with another digest, or occurs twice in
    /// `records`; as [`KeyRecord::check_texts`]. Then nothing is stored. When the store fails.
    async fn import(&self, records: Vec<KeyRecord>) -> Result<Imported, ManageError>;

    /// Finds the record of a key.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn get(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, ManageError>;

    /// A page of the records, the newest first.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn page(&self, query: &KeyQuery) -> Result<KeyPage, ManageError>;

    /// Creates the successor of a key, which inherits all but the times. The old key expires after `grace` if it does not
    /// expire earlier.
    ///
    /// # Errors
    ///
    /// As [`KeyMaker::rotate`](crate::KeyMaker::rotate);
    /// [`KeyError::NotFound`](crate::KeyError::NotFound); when the store fails.
    async fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, ManageError>;

    /// Revokes a key. Revoking it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotFound`](crate::KeyError::NotFound) and [`KeyError::Reason`](crate::KeyError::Reason); when the store
    /// fails.
    async fn revoke(&self, id: &ApiKeyId, reason: Option<&str>) -> Result<KeyRecord, ManageError>;

    /// Removes the records of keys that were revoked or expired before `ended_before`, and returns their number.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn purge(&self, ended_before: UnixTime) -> Result<u64, ManageError>;
}

/// The outcome of [`KeyManager::create`].
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a key is new or was there")]
pub enum Created {
    /// A new key.
    New(IssuedKey),
    /// An earlier request with the same idempotency key created this key. The key itself cannot be shown again.
    Before(KeyRecord),
}

impl Created {
    /// The outcome for a new key if the store has `before`, the record of an earlier request with the same idempotency key.
    /// For authors of stores.
    ///
    /// # Errors
    ///
    /// [`ManageError::IdempotencyConflict`] when the earlier request asked for something else.
    pub fn decide(new: IssuedKey, before: Option<KeyRecord>) -> Result<Self, ManageError> {
        let request = |record: &KeyRecord| record.idempotency.map(|it| it.request);
        match before {
            None => Ok(Self::New(new)),
            Some(before) if request(&before) == request(new.record()) => Ok(Self::Before(before)),
            Some(_) => Err(ManageError::IdempotencyConflict),
        }
    }

    /// The record of the key.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        match self {
            Self::New(issued) => issued.record(),
            Self::Before(record) => record,
        }
    }
}

/// The outcome of [`KeyManager::import`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "two counts")]
pub struct Imported {
    /// The records that were stored.
    pub stored: u64,
    /// The records that were in the store already.
    pub skipped: u64,
}
