use crate::format::ApiKeyId;

/// Why a key could not be created or changed. Requests do not cause these.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The owner is blank, has more than 128 characters, or has control characters.
    #[error("the owner must have 1 to 128 characters, not only blanks and no control characters")]
    Owner,
    /// The key would expire at once or after the year 9999.
    #[error("the lifetime must be at least one millisecond and end before the year 10000")]
    Lifetime,
    /// No key has this id.
    #[error("no key has the id {0}")]
    NotFound(ApiKeyId),
    /// Another key has this id.
    #[error("another key has the id {0}")]
    Duplicate(ApiKeyId),
    /// The key was revoked or has expired.
    #[error("the key {0} is revoked or has expired: create a new one instead")]
    Ended(ApiKeyId),
    /// The key was rotated before.
    #[error("the key {id} was rotated before: rotate its successor {successor} instead")]
    AlreadyRotated {
        /// The key that was rotated before.
        id: ApiKeyId,
        /// The key that replaced it.
        successor: ApiKeyId,
    },
    /// The operating system returned no random bytes.
    #[error("the operating system returned no random bytes")]
    Random,
}

portcullis_core::debug_as_report!(KeyError);
