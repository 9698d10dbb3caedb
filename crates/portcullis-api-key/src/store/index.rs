use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use crate::{ApiKeyId, KeyRecord, StoredKey};

/// Keys by id. Never changed once it is published.
///
/// Ids are random, and whoever asks for one that is not here puts none in: no hash that withstands attacks is needed.
pub(super) type KeyIndex = HashMap<ApiKeyId, Arc<StoredKey>, RandomState>;

/// The records of these indexes, the oldest first, each with its last use.
pub(super) fn list(indexes: impl IntoIterator<Item = Arc<KeyIndex>>) -> Vec<KeyRecord> {
    let mut records: Vec<KeyRecord> = indexes
        .into_iter()
        .flat_map(|index| {
            index
                .values()
                .map(|key| key.record().clone().with_last_used_at(key.last_used_at()))
                .collect::<Vec<_>>()
        })
        .collect();
    records.sort_by_key(|record| (record.created_at(), record.id()));
    records
}
