use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use crate::{format::ApiKeyId, record::KeyRecord, stored::StoredKey};

/// Keys by id. Ids are random and lookups insert nothing, so the hash need not resist collision attacks.
pub(super) type KeyMap = HashMap<ApiKeyId, Arc<StoredKey>, RandomState>;

/// All records, the oldest first, each with its last use.
pub(super) fn list(keys: &KeyMap) -> Vec<KeyRecord> {
    let mut records: Vec<_> = keys
        .values()
        .map(|key| key.record_with_last_use())
        .collect();
    records.sort_by_key(|record| (record.created_at, record.id));
    records
}
