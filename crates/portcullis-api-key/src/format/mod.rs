//! The format of keys.

mod id;
mod key;
mod prefix;

pub use id::{ApiKeyId, InvalidApiKeyId};
pub(crate) use key::PresentedKey;
pub use key::{ApiKey, InvalidApiKey};
pub use prefix::KeyPrefix;
