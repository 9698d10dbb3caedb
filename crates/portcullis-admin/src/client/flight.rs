//! One request to the endpoint.

use std::sync::Arc;

use portcullis_api_key::{ApiKeyId, StoreError, StoredKey};
use portcullis_core::{Secret, clock::Moment, lock};

use super::{Inner, answers::KeyHash};

/// A request to the endpoint that all who present the key share.
pub(super) struct Flight {
    pub(super) store: Arc<Inner>,
    pub(super) id: ApiKeyId,
    pub(super) key: Secret,
    pub(super) hash: KeyHash,
    pub(super) number: u64,
    pub(super) begun: Moment,
}

impl Flight {
    pub(super) async fn run(self) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let store = &self.store;
        let answer = store.endpoint.introspect(&self.id, &self.key).await;
        let now = store.now();
        let is_late = now.duration_since(self.begun) >= store.bounds.reachable;
        let answer = match answer {
            Ok(_) if is_late => Err(StoreError::new(format!(
                "{} took longer than {:?} to answer: see why it is slow",
                store.endpoint.name(),
                store.bounds.reachable
            ))),
            answer => answer,
        };
        let mut answers = lock(&store.answers);
        let (is_back, key) = match answer {
            Ok(Some(record)) => {
                let (is_back, key) = answers.confirm(self.id, record, self.hash, self.begun);
                (is_back, Some(key))
            }
            Ok(None) => (answers.refute(&self.id, self.hash, self.begun), None),
            Err(problem) => {
                if answers.note_failure(problem.clone(), now) {
                    tracing::warn!(why = %problem, "API keys cannot be introspected now; keys that were active stay accepted");
                }
                return answers.fall_back(&self.id, &self.hash, problem, now, &store.bounds);
            }
        };
        if is_back {
            tracing::info!(
                url = store.endpoint.name(),
                "API keys can be introspected again"
            );
        }
        Ok(key)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        lock(&self.store.answers).end_flight(&self.hash, self.number);
    }
}
