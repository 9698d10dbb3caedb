//! A plain model of a store of keys, to compare every real one with.

mod random;
mod run;

use std::collections::BTreeMap;

use portcullis_api_key::{ApiKeyId, KeyQuery, KeyRecord, KeyState};
use portcullis_core::clock::UnixTime;

pub(crate) use random::{Random, seed, steps};
pub(crate) use run::{Run, Subject};

/// What the model knows of a key: its record as the store must show it, and the text that its holder sends.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) text: String,
    pub(crate) record: KeyRecord,
}

/// The keys that the store must have.
#[derive(Debug, Default)]
pub(crate) struct Model(pub(crate) BTreeMap<ApiKeyId, Known>);

impl Model {
    /// Whether a request with this text must pass.
    pub(crate) fn accepts(&self, text: &str, now: UnixTime) -> bool {
        let known = self.0.values().find(|known| known.text == text);
        known.is_some_and(|known| state(&known.record, now) == KeyState::Active)
    }

    pub(crate) fn repeated(&self, key: [u8; 32]) -> Option<&KeyRecord> {
        let records = self.0.values().map(|known| &known.record);
        let mut with_key =
            records.filter(|record| record.idempotency.is_some_and(|it| it.key == key));
        with_key.next()
    }

    pub(crate) fn purge(&mut self, before: UnixTime) -> u64 {
        let ended = |at: Option<UnixTime>| at.is_some_and(|at| at < before);
        let count = self.0.len();
        self.0
            .retain(|_, known| !ended(known.record.revoked_at) && !ended(known.record.expires_at));
        (count - self.0.len()) as u64
    }

    /// All records that the query selects, the newest first.
    pub(crate) fn list(&self, query: &KeyQuery) -> Vec<KeyRecord> {
        let contains = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let is_selected = |record: &&KeyRecord| {
            let state = state(record, query.now);
            (query.owner.as_ref()).is_none_or(|owner| record.owner == *owner)
                && query.state.is_none_or(|wanted| state == wanted)
                && query.expires_before.is_none_or(|limit| {
                    state == KeyState::Active && record.expires_at.is_some_and(|at| at < limit)
                })
                && query.text.as_ref().is_none_or(|text| {
                    let tags = record.tags.iter().map(|tag| &**tag);
                    let texts = [record.id.as_str(), &record.owner, &record.name];
                    texts.into_iter().chain(tags).any(|it| contains(it, text))
                })
                && query.other_pepper_than.is_none_or(|version| {
                    !record.is_foreign && record.digest.pepper_version() != Some(version)
                })
        };
        let records = self.0.values().map(|known| &known.record);
        let mut listed: Vec<_> = records.filter(is_selected).cloned().collect();
        listed.sort_by_key(|record| std::cmp::Reverse((record.created_at, record.id)));
        listed
    }
}

fn state(record: &KeyRecord, now: UnixTime) -> KeyState {
    match (record.revoked_at, record.expires_at) {
        (Some(_), _) => KeyState::Revoked,
        (None, Some(at)) if at <= now => KeyState::Expired,
        _ => KeyState::Active,
    }
}
