//! What a cache needs of the store and of the bus behind it.

use async_trait::async_trait;
use portcullis_core::clock::UnixTime;

use crate::{digest::KeyDigest, format::ApiKeyId, record::KeyRecord, store::StoreError};

/// A durable store that answers over IO, such as a database. `CachedStore` makes a [`KeyStore`](crate::KeyStore) of it.
///
/// The store numbers its changes: each change takes the next number, in the order in which changes become visible. A record's
/// `revision` is the number of its last change. All methods read the primary, never a replica that may lag.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// Where the store is, for logs and the status. It has no password.
    fn name(&self) -> String;

    /// Reads one record.
    ///
    /// # Errors
    ///
    /// When the store cannot tell.
    async fn fetch(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, StoreError>;

    /// Reads up to `limit` ids that follow `after`, in ascending order.
    ///
    /// # Errors
    ///
    /// When the store cannot tell.
    async fn ids(
        &self,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Result<Vec<ApiKeyId>, StoreError>;

    /// Reads where the store's history is. `known` is the last position that the caller has seen.
    ///
    /// # Errors
    ///
    /// When the store cannot tell.
    async fn position(&self, known: Option<&Position>) -> Result<Seen, StoreError>;

    /// Reads up to `limit` records whose revision is higher than `after`, by ascending revision.
    ///
    /// # Errors
    ///
    /// When the store cannot tell.
    async fn changes(&self, after: u64, limit: usize) -> Result<Vec<KeyRecord>, StoreError>;

    /// Tells all who use the store that `lost` is not in its history: it seems restored from a backup, and must be refused
    /// until an operator confirms it. A store that may not be written ignores the call.
    ///
    /// # Errors
    ///
    /// When the store failed.
    async fn report_restore(&self, lost: &Position) -> Result<(), StoreError>;

    /// Records uses of keys, and replaces digests. A digest is replaced only if the record still has the old one.
    ///
    /// # Errors
    ///
    /// When the store failed.
    async fn record_uses(&self, uses: &[KeyUse]) -> Result<(), StoreError>;
}

/// A position in the history of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores make positions")]
pub struct Position {
    /// The number of the last change.
    pub revision: u64,
    /// A random number that was stored with that change: another change that got the same number after a restore has another.
    pub mark: u64,
    /// How often an operator confirmed a restore.
    pub restores: u64,
}

/// A store's answer about its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores make it")]
pub struct Seen {
    /// Where the store is now.
    pub position: Position,
    /// Whether the position that the caller knew is in the store's history. True if the caller knew none.
    pub continues: bool,
    /// Whether a reported restore waits for an operator's confirmation.
    pub is_unconfirmed: bool,
}

/// How a key was used since the last report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores read it")]
pub struct KeyUse {
    /// The key.
    pub id: ApiKeyId,
    /// The last use.
    pub last_used_at: UnixTime,
    /// The number of uses.
    pub count: u64,
    /// The digest that the record had, and the one under the current pepper that replaces it.
    pub new_digest: Option<(KeyDigest, KeyDigest)>,
}

/// Carries news of changes between the instances that share a store, such as Redis or PostgreSQL's `NOTIFY`.
///
/// It may lose messages: an instance also asks the store itself.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// What the bus is, for logs and the status. It has no password.
    fn name(&self) -> String;

    /// Sends a message to all subscribers, the sender's own included.
    ///
    /// # Errors
    ///
    /// When the bus cannot be reached.
    async fn publish(&self, message: BusMessage) -> Result<(), StoreError>;

    /// Subscribes. The subscription is active when this returns.
    ///
    /// # Errors
    ///
    /// When the bus cannot be reached.
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError>;

    /// Why a subscription may succeed and deliver nothing, for the log. `None` by default.
    fn silence_hint(&self) -> Option<&'static str> {
        None
    }
}

/// The receiving end of a bus.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next message. Cancelling loses none.
    ///
    /// # Errors
    ///
    /// When the connection is lost. The subscription is then over.
    async fn next(&mut self) -> Result<BusMessage, StoreError>;
}

/// A message on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "every bus carries these")]
pub enum BusMessage {
    /// The store has changed, up to this revision.
    Changed(u64),
    /// The bus delivers.
    Heartbeat,
}

impl BusMessage {
    /// The message as text, for a bus that carries text.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::Changed(revision) => format!("changed {revision}"),
            Self::Heartbeat => "heartbeat".to_owned(),
        }
    }

    /// Reads a message. `None` for text of another kind, which a subscription ignores.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            Some(("changed", revision)) => Some(Self::Changed(revision.parse().ok()?)),
            _ => (text == "heartbeat").then_some(Self::Heartbeat),
        }
    }
}
