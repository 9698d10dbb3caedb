//! Lists of scopes, separated by spaces.

use portcullis_core::{Scope, ScopeSet};

/// The scopes to request, at least one.
pub(crate) fn parse_requested(text: &str) -> Result<ScopeSet, String> {
    let scopes = parse(text)?;
    if scopes.is_empty() {
        return Err("no scope: leave the option out to get the server's default".to_owned());
    }
    Ok(scopes)
}

/// The scopes of a new key. A comma is valid in a scope, but here it is a mistake.
pub(crate) fn parse_granted(text: &str) -> Result<ScopeSet, String> {
    if text.contains(',') {
        return Err("scopes are separated by spaces, not commas: --scopes \"a b\"".to_owned());
    }
    parse(text)
}

fn parse(text: &str) -> Result<ScopeSet, String> {
    let pieces = text.split(' ').filter(|piece| !piece.is_empty());
    let scopes: Result<_, _> = pieces.map(Scope::parse).collect();
    scopes.map_err(|error| error.to_string())
}
