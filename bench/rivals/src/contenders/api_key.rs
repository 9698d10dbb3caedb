//! The suite's API keys.

use http::HeaderName;
use portcullis_api_key::{ApiKeys, MemoryStore, NewKey, Peppers};
use portcullis_bench_suite::scopes;
use portcullis_core::{AuthenticateLayer, Secret};

use super::{Absent, Built};
use crate::{Load, Through, layered::layered};

/// Keys as they come, or with a pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKey {
    /// A digest.
    Plain,
    /// A keyed digest.
    Peppered,
}

impl ApiKey {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "portcullis API key",
            Self::Peppered => "portcullis API key, pepper",
        }
    }

    /// The stack, and requests that it accepts.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn build(self, through: Through) -> Result<(Built, Load), Absent> {
        let store = MemoryStore::new();
        let (store, keys) = match self {
            Self::Plain => (store.clone(), ApiKeys::new(store)),
            Self::Peppered => {
                let peppers = Peppers::new(1, &Secret::new(vec![7; 32]))?;
                let store = store.peppers(peppers.clone());
                let keys = ApiKeys::builder(store.clone()).peppers(peppers).build()?;
                (store, keys)
            }
        };
        let key = store.create(NewKey::new("billing").scopes(scopes()))?;
        let values = [key.key().expose().to_owned()];
        let load = Load::new(HeaderName::from_static("x-api-key"), values.into());
        let layer = AuthenticateLayer::new(keys);
        Ok((layered(layer, through)?, load))
    }
}
