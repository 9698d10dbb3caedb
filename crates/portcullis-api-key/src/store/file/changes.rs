use std::{collections::BTreeSet, fmt};

use portcullis_core::clock::UnixTime;

use crate::{
    format::ApiKeyId,
    stored::{KeyMap, StoredKey},
};

/// Which keys were added, revoked or removed since the previous read of the file, for the log. Other changes are not named.
#[derive(Clone, Default)]
pub(super) struct Changes {
    added: usize,
    revoked: BTreeSet<ApiKeyId>,
    /// Keys that were revoked before and are not revoked now.
    valid_again: BTreeSet<ApiKeyId>,
    removed: BTreeSet<ApiKeyId>,
    /// Whether a removed key was neither revoked nor expired.
    is_loss: bool,
}

impl Changes {
    pub(super) fn between(before: &KeyMap, after: &KeyMap, now: UnixTime) -> Self {
        let is_revoked = |key: &StoredKey| key.record().revoked_at.is_some();
        let mut changes = Self::default();
        for (id, old) in before {
            let ids = match after.get(id).map(|new| (is_revoked(old), is_revoked(new))) {
                None => {
                    changes.is_loss |= !old.record().has_ended(now);
                    &mut changes.removed
                }
                Some((false, true)) => &mut changes.revoked,
                Some((true, false)) => &mut changes.valid_again,
                Some(_) => continue,
            };
            ids.insert(*id);
        }
        let kept = before.len() - changes.removed.len();
        changes.added = after.len() - kept;
        changes
    }

    /// Whether the file may have been changed by mistake.
    pub(super) fn are_suspicious(&self) -> bool {
        self.is_loss || !self.valid_again.is_empty()
    }
}

/// For example `2 added, 1 revoked (4fXq0ZbT9kLm)`.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_SHOWN: usize = 20;

        write!(f, "{} added", self.added)?;
        for (what, ids) in [
            ("revoked", &self.revoked),
            ("valid again", &self.valid_again),
            ("removed", &self.removed),
        ] {
            let shown: Vec<_> = ids.iter().take(MAX_SHOWN).map(ApiKeyId::as_str).collect();
            let more = if ids.len() > MAX_SHOWN { " …" } else { "" };
            if !ids.is_empty() {
                write!(f, ", {} {what} ({}{more})", ids.len(), shown.join(" "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{NewKey, record::KeyRecord};

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn record() -> KeyRecord {
        let new = NewKey::new("a").expires_in(Duration::from_secs(60));
        new.issue(NOW, None).expect("made").record().clone()
    }

    fn changes(before: &[&KeyRecord], after: &[&KeyRecord], now: UnixTime) -> (String, bool) {
        let map = |records: &[&KeyRecord]| -> KeyMap {
            let stored = |record: &&KeyRecord| {
                let key = StoredKey::new(KeyRecord::clone(record));
                (record.id, Arc::new(key))
            };
            records.iter().map(stored).collect()
        };
        let changes = Changes::between(&map(before), &map(after), now);
        (changes.to_string(), changes.are_suspicious())
    }

    #[test]
    fn load_names_added_revoked_and_removed_keys() {
        let (a, b) = (record(), record());
        let mut revoked = a.clone();
        revoked.revoke(NOW, None).expect("no reason");
        let id = a.id;
        let later = NOW.saturating_add(Duration::from_secs(61));
        for (before, after, now, told, is_suspicious) in [
            (&[][..], &[&a, &b][..], NOW, "2 added".to_owned(), false),
            (
                &[&a],
                &[&revoked, &b],
                NOW,
                format!("1 added, 1 revoked ({id})"),
                false,
            ),
            (
                &[&a, &b],
                &[&b],
                NOW,
                format!("0 added, 1 removed ({id})"),
                true,
            ),
            (
                &[&a],
                &[&b],
                NOW,
                format!("1 added, 1 removed ({id})"),
                true,
            ),
            (
                &[&a],
                &[],
                later,
                format!("0 added, 1 removed ({id})"),
                false,
            ),
            (
                &[&revoked],
                &[],
                NOW,
                format!("0 added, 1 removed ({id})"),
                false,
            ),
            (
                &[&revoked],
                &[&a],
                NOW,
                format!("0 added, 1 valid again ({id})"),
                true,
            ),
        ] {
            assert_eq!(changes(before, after, now), (told, is_suspicious));
        }
    }

    #[test]
    fn at_most_20_ids_are_named() {
        let records: Vec<_> = (0..25).map(|_| record()).collect();
        let (told, _) = changes(&records.iter().collect::<Vec<_>>(), &[], NOW);
        assert!(told.starts_with("0 added, 25 removed (") && told.ends_with(" …)"));
        assert_eq!(told.split(' ').count(), 5 + 20);
    }
}
