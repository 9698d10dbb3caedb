//! The runtime that background tasks run on.

use portcullis_core::ConfigError;
use tokio::runtime::Handle;

/// The current tokio runtime. `method` is the public method that needs it.
pub(crate) fn current_runtime(method: &'static str) -> Result<Handle, ConfigError> {
    let problem = "must be called on a tokio runtime that keeps running";
    Handle::try_current().map_err(|_| ConfigError::new(method, problem))
}
