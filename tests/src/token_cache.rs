//! Whether the tests run with the cache of verified tokens or without.

use std::env;

use portcullis_jwt::{BearerBuilder, TrustingBearerBuilder};

/// Leaves a scheme its cache, unless the whole run is without: with `PORTCULLIS_TOKEN_CACHE=off` in the environment.
#[must_use]
pub fn as_this_run_has_it<B: CachesTokens>(builder: B) -> B {
    if is_off() { builder.without() } else { builder }
}

/// The flag by which a service of the workspace runs as this run has it.
pub(crate) fn flag() -> Option<&'static str> {
    is_off().then_some("--no-token-cache")
}

fn is_off() -> bool {
    env::var_os("PORTCULLIS_TOKEN_CACHE").is_some_and(|value| value == "off")
}

/// The builders of a scheme that has such a cache.
pub trait CachesTokens {
    /// The same without.
    #[must_use]
    fn without(self) -> Self;
}

impl CachesTokens for BearerBuilder {
    fn without(self) -> Self {
        self.without_token_cache()
    }
}

impl CachesTokens for TrustingBearerBuilder {
    fn without(self) -> Self {
        self.without_token_cache()
    }
}
