use std::sync::Arc;

use portcullis_core::scheme::Failure;

use super::{ApiKeys, foreign::Search};
use crate::{format::PresentedKey, store::Lookup, stored::StoredKey};

impl ApiKeys {
    /// Checks a key that another service got, as for a request, and returns it if it can be used now. It counts no use, and
    /// leaves the networks and the limits of the key to the service that got it.
    ///
    /// # Errors
    ///
    /// As for a request.
    pub async fn verify(&self, text: &[u8]) -> Result<Arc<StoredKey>, Failure> {
        let inner = &self.0;
        let key = match PresentedKey::parse(text) {
            Ok(presented) => {
                inner.check_prefix(&presented)?;
                let found = match inner.settings.store.lookup_presented(&presented.id, text) {
                    Lookup::Ready(found) => found,
                    Lookup::Pending(pending) => pending.await,
                };
                inner.check(presented.id, presented.digest_input, found)?
            }
            Err(invalid) => {
                let (search, failure) = inner.search_foreign(text, invalid)?;
                let searched = match search {
                    Search::Done(searched) => searched,
                    Search::Pending(pending) => pending.await,
                };
                inner.check_foreign(searched, failure)?
            }
        };
        key.require_active(inner.settings.clock.now())?;
        Ok(key)
    }
}
