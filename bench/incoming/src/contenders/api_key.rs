//! Credentials that are not tokens: the suite's API keys, and tower-http's fixed bearer value.

use portcullis_api_key::{ApiKeys, MemoryStore, NewKey, Peppers};
use portcullis_bench_common::SCOPES;
use portcullis_core::{AuthenticateLayer, ScopeSet, Secret};
use tower_http::validate_request::ValidateRequestHeaderLayer;

use super::{Entry, Error, layered};
use crate::check::{Credentials, Through};

/// The contenders, each with a credential that it accepts.
///
/// # Errors
/// If a key cannot be made.
pub fn api_keys() -> Result<Vec<(Entry, Credentials)>, Error> {
    let mut entries = Vec::new();
    for through in [Through::Tower, Through::Axum] {
        let mut add = |name, check, credentials| {
            let entry = Entry {
                name,
                through,
                is_axum_07: false,
                caches: false,
                check,
            };
            entries.push((entry, credentials));
        };
        let new = || NewKey::new("billing").scopes(ScopeSet::parse(SCOPES));

        let store = MemoryStore::new();
        let key = Credentials::api_key(store.create(new())?.key().expose());
        let layer = AuthenticateLayer::new(ApiKeys::new(store));
        add("portcullis API key", layered(layer, through), key);

        let peppers = Peppers::new(1, &Secret::new(vec![7; 32]))?;
        let store = MemoryStore::new().peppers(peppers.clone());
        let key = Credentials::api_key(store.create(new())?.key().expose());
        let keys = ApiKeys::builder(store).peppers(peppers).build()?;
        let layer = AuthenticateLayer::new(keys);
        add("portcullis API key, pepper", layered(layer, through), key);

        let token = "Zr9oHwXvCkP1mQ7sT3uYbN5eAfGdJ2kLxV8iR4oW6pE";
        #[allow(
            deprecated,
            reason = "compared with one fixed value, it is the least a check can do"
        )]
        let layer = ValidateRequestHeaderLayer::bearer(token);
        let token = Credentials::tokens(&[token.to_owned()], 0);
        add("tower-http static bearer", layered(layer, through), token);
    }
    Ok(entries)
}
