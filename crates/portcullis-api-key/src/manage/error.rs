use std::borrow::Cow;

use crate::error::KeyError;

/// Why a key could not be managed.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManageError {
    /// The request cannot be fulfilled.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An earlier request had the same idempotency key and asked for something else.
    #[error("another request was sent with this idempotency key: use a new one")]
    IdempotencyConflict,
    /// The store cannot do this at all.
    #[error("{0}")]
    Unsupported(Cow<'static, str>),
    /// The store failed. The text is for the log; it has no secret.
    #[error("{0}")]
    Store(Cow<'static, str>),
}

portcullis_core::debug_as_report!(ManageError);
