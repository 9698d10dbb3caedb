//! Runs the tests without the cache of verified tokens on request.

use std::env;

use portcullis_jwt::BearerBuilder;

/// Disables the token cache of a scheme if `PORTCULLIS_TOKEN_CACHE=off` is in the environment.
pub fn apply_token_cache_env<V>(builder: BearerBuilder<V>) -> BearerBuilder<V> {
    if is_off() {
        builder.without_token_cache()
    } else {
        builder
    }
}

/// The flag that does the same for a service of the workspace.
pub(crate) fn flag() -> Option<&'static str> {
    is_off().then_some("--no-token-cache")
}

fn is_off() -> bool {
    env::var_os("PORTCULLIS_TOKEN_CACHE").is_some_and(|value| value == "off")
}
