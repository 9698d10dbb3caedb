//! Scopes as people write them.

use portcullis_core::{Scope, ScopeSet};

/// The same where there must be one.
pub(crate) fn parse_some(text: &str) -> Result<ScopeSet, String> {
    let scopes = parse(text)?;
    if scopes.is_empty() {
        return Err(
            "there is none: to have what the server grants by itself, leave the option out"
                .to_owned(),
        );
    }
    Ok(scopes)
}

/// Reads scopes that are separated by spaces.
pub(crate) fn parse(text: &str) -> Result<ScopeSet, String> {
    text.split(' ')
        .filter(|piece| !piece.is_empty())
        .map(|piece| Scope::parse(piece).map_err(|error| error.to_string()))
        .collect()
}
