use portcullis_core::ConfigError;
use tokio::runtime::Handle;

/// The current tokio runtime. `method` is the public method that needs it, such as `IssuerBuilder::start`.
///
/// # Errors
///
/// Outside a tokio runtime.
pub fn current_runtime(method: &'static str) -> Result<Handle, ConfigError> {
    let problem = "called outside a tokio runtime, a mistake in the service's code: call it inside the service's \
                   runtime, for instance in `#[tokio::main]`";
    Handle::try_current().map_err(|_| ConfigError::new(method, problem))
}
