use crate::format::ApiKeyId;

/// Why a key could not be created or changed. Requests do not cause these.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The owner is blank, has more than 128 characters, or has control characters.
    #[error(
        "the owner of an API key must have 1 to 128 characters, at least one other than a blank, and no control characters: \
         change the owner"
    )]
    Owner,
    /// The name has more than 128 characters, or has control characters.
    #[error(
        "the name of an API key must have at most 128 characters, and no control characters: change the name"
    )]
    Name,
    /// There are more than 32 tags, or one is blank, has more than 64 characters, or has control characters.
    #[error(
        "an API key can have at most 32 tags of 1 to 64 characters, without control characters: change the tags"
    )]
    Tags,
    /// The reason for a revocation has more than 256 characters, or has control characters.
    #[error(
        "the reason for a revocation must have at most 256 characters, and no control characters: change the reason"
    )]
    Reason,
    /// The key would expire at once or after the year 9999.
    #[error("a key must live at least 1 ms and end before the year 10000: give another lifetime")]
    Lifetime,
    /// No key has this id.
    #[error("the store has no API key with the id {0}: list its keys")]
    NotFound(ApiKeyId),
    /// Another key has this id.
    #[error("the API key {0} would be in the store twice: insert it once, or create another")]
    Duplicate(ApiKeyId),
    /// The key was revoked or has expired.
    #[error("the API key {0} cannot be rotated, as it is revoked or expired: create another")]
    Ended(ApiKeyId),
    /// The key was rotated before.
    #[error("the API key {id} was rotated before: rotate its successor {successor} instead")]
    AlreadyRotated {
        /// The key that was rotated before.
        id: ApiKeyId,
        /// The key that replaced it.
        successor: ApiKeyId,
    },
    /// The key has a pepper, and the store was given none.
    #[error(
        "the API key {0} has a pepper, which its successor needs too: give the store its peppers (`--peppers` of the command line)"
    )]
    NoPeppers(ApiKeyId),
    /// The operating system returned no random bytes.
    #[error("no key was created: the operating system returned no random bytes; try again")]
    Random,
}

portcullis_core::debug_as_report!(KeyError);
