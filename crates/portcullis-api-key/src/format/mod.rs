//! The format of keys.

mod id;
mod invalid;
mod key;
mod prefix;

pub use id::ApiKeyId;
pub use invalid::InvalidApiKey;
pub use key::ApiKey;
pub(crate) use key::PresentedKey;
pub use prefix::KeyPrefix;
