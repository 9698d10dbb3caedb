//! Looks foreign keys up by the ids that their digests can have.

use std::{pin::Pin, sync::Arc};

use portcullis_core::Secret;

use crate::{
    digest::KeyDigest,
    format::ApiKeyId,
    store::{KeyStore, Lookup, PendingLookup, StoreError},
    stored::StoredKey,
};

/// Whether the text may be a foreign key: 8 to 512 characters of visible ASCII.
pub(super) fn may_be_key(text: &[u8]) -> bool {
    (8..=512).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

/// What the store knows about a text.
#[derive(Debug, Default)]
pub(super) struct Searched {
    pub(super) found: Option<Arc<StoredKey>>,
    /// Why the store could not answer for one of the ids.
    pub(super) problem: Option<StoreError>,
}

pub(super) enum Search {
    Done(Searched),
    Pending(Pin<Box<dyn Future<Output = Searched> + Send>>),
}

/// Searches a foreign key by the `digests` of its `text`; the first that the store has wins. `dummy` is compared if an id is unknown.
pub(super) fn search(
    store: &Arc<dyn KeyStore>,
    text: &[u8],
    digests: Vec<KeyDigest>,
    dummy: KeyDigest,
) -> Search {
    let mut searched = Searched::default();
    for (at, digest) in digests.iter().enumerate() {
        match store.lookup_presented(&ApiKeyId::of_foreign(digest), text) {
            Lookup::Ready(answer) => searched.note(digest, &dummy, answer),
            Lookup::Pending(pending) => {
                let rest = digests[at..].to_vec();
                let (store, text) = (store.clone(), Secret::new(text));
                let wait = wait(store, text, rest, dummy, searched, pending);
                return Search::Pending(Box::pin(wait));
            }
        }
        if searched.found.is_some() {
            break;
        }
    }
    Search::Done(searched)
}

/// Goes on with the answer for the first of `digests`.
async fn wait(
    store: Arc<dyn KeyStore>,
    text: Secret,
    digests: Vec<KeyDigest>,
    dummy: KeyDigest,
    mut searched: Searched,
    first: PendingLookup,
) -> Searched {
    let mut first = Some(first);
    for digest in &digests {
        let lookup = match first.take() {
            Some(pending) => Lookup::Pending(pending),
            None => store.lookup_presented(&ApiKeyId::of_foreign(digest), text.expose()),
        };
        let answer = match lookup {
            Lookup::Ready(answer) => answer,
            Lookup::Pending(pending) => pending.await,
        };
        searched.note(digest, &dummy, answer);
        if searched.found.is_some() {
            break;
        }
    }
    searched
}

impl Searched {
    fn note(
        &mut self,
        digest: &KeyDigest,
        dummy: &KeyDigest,
        answer: Result<Option<Arc<StoredKey>>, StoreError>,
    ) {
        let found = answer.unwrap_or_else(|problem| {
            self.problem = Some(problem);
            None
        });
        let record = found.as_ref().map(|key| key.record());
        let is_same = digest.is_same(record.map_or(dummy, |record| &record.digest));
        if is_same && record.is_some_and(|record| record.is_foreign) {
            self.found = found;
        }
    }
}
