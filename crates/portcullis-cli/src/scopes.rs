//! Scopes as people write them.

use portcullis_core::{Scope, ScopeSet};

/// Reads scopes that are separated by spaces.
pub(crate) fn parse(text: &str) -> Result<ScopeSet, String> {
    text.split(' ')
        .filter(|piece| !piece.is_empty())
        .map(|piece| Scope::parse(piece).map_err(|error| error.to_string()))
        .collect()
}
