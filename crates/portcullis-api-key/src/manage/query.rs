use std::str::FromStr;

use portcullis_core::clock::UnixTime;

use crate::{
    format::ApiKeyId,
    record::{KeyRecord, KeyState},
};

/// Which records a page shows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyQuery {
    /// Only keys of this owner.
    pub owner: Option<Box<str>>,
    /// Only keys in this state.
    pub state: Option<KeyState>,
    /// Only keys that expire before this time and can be used now.
    pub expires_before: Option<UnixTime>,
    /// Only keys whose id, owner, name or a tag contains this text, in any case of ASCII letters.
    pub text: Option<Box<str>>,
    /// Only keys whose digest has no pepper, or one of another version than this.
    pub other_pepper_than: Option<u32>,
    /// The most records of a page; 50 by default.
    pub limit: usize,
    /// Where the page begins; at the newest key by default.
    pub after: Option<Cursor>,
    /// The time that decides whether a key has expired.
    pub now: UnixTime,
}

impl KeyQuery {
    /// The first 50 records.
    #[must_use]
    pub fn new(now: UnixTime) -> Self {
        Self {
            owner: None,
            state: None,
            expires_before: None,
            text: None,
            other_pepper_than: None,
            limit: 50,
            after: None,
            now,
        }
    }

    /// Whether the query selects the record, apart from the page's begin and limit. For authors of stores.
    #[must_use]
    pub fn matches(&self, record: &KeyRecord) -> bool {
        let is_active = record.state(self.now) == KeyState::Active;
        self.owner
            .as_ref()
            .is_none_or(|owner| record.owner == *owner)
            && self
                .state
                .is_none_or(|state| record.state(self.now) == state)
            && self
                .expires_before
                .is_none_or(|limit| is_active && record.expires_at.is_some_and(|at| at < limit))
            && self.text.as_ref().is_none_or(|text| has_text(record, text))
            && self.other_pepper_than.is_none_or(|version| {
                !record.is_foreign && record.digest.pepper_version() != Some(version)
            })
    }

    /// The page of `records`, which may be in any order. For stores that have all records at hand.
    #[must_use]
    pub fn select<'r>(&self, records: impl IntoIterator<Item = &'r KeyRecord>) -> KeyPage {
        let is_after =
            |record: &KeyRecord| self.after.is_none_or(|after| Cursor::of(record) < after);
        let mut found: Vec<&KeyRecord> = records
            .into_iter()
            .filter(|record| self.matches(record) && is_after(record))
            .collect();
        found.sort_by_key(|record| std::cmp::Reverse(Cursor::of(record)));
        let has_more = found.len() > self.limit;
        found.truncate(self.limit);
        KeyPage {
            next: found
                .last()
                .filter(|_| has_more)
                .map(|last| Cursor::of(last)),
            keys: found.into_iter().cloned().collect(),
        }
    }
}

fn has_text(record: &KeyRecord, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let contains = |part: &str| part.to_ascii_lowercase().contains(&text);
    contains(record.id.as_str())
        || contains(&record.owner)
        || contains(&record.name)
        || record.tags.iter().any(|tag| contains(tag))
}

/// A page of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores make pages")]
pub struct KeyPage {
    /// The records, the newest first.
    pub keys: Vec<KeyRecord>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// A place in the list of all records, which is ordered by the time of creation and then by id. As text it has the time in
/// milliseconds and the id. It stays valid when keys are created or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "the order of the list")]
pub struct Cursor {
    /// When the last key of the page before was created, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// The id of that key.
    pub id: ApiKeyId,
}

impl Cursor {
    /// The place of a record.
    #[must_use]
    pub fn of(record: &KeyRecord) -> Self {
        let created = record.created_at.as_duration().as_millis();
        Self {
            created_ms: u64::try_from(created).unwrap_or(u64::MAX),
            id: record.id,
        }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.created_ms, self.id)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let parse = || {
            let (created, id) = text.split_once('-')?;
            let is_number =
                !created.is_empty() && created.bytes().all(|byte| byte.is_ascii_digit());
            Some(Self {
                created_ms: created.parse().ok().filter(|_| is_number)?,
                id: id.parse().ok()?,
            })
        };
        parse().ok_or(InvalidCursor)
    }
}

/// A text is not a [`Cursor`].
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: pass the `next` of the page before unchanged")]
pub struct InvalidCursor;

portcullis_core::debug_as_report!(InvalidCursor);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_core::Secret;

    use super::*;
    use crate::{issue::NewKey, pepper::Peppers};

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn record(new: NewKey) -> KeyRecord {
        new.issue(NOW, None).expect("issued").record().clone()
    }

    fn query(change: impl FnOnce(&mut KeyQuery)) -> KeyQuery {
        let mut query = KeyQuery::new(NOW);
        change(&mut query);
        query
    }

    #[test]
    fn each_condition_selects() {
        let plain = record(NewKey::new("billing").name("Nightly run").tags(["EU-west"]));
        let mut revoked = record(NewKey::new("orders"));
        revoked.revoke(NOW, None).expect("no reason");
        let soon = record(NewKey::new("orders").expires_in(DAY));
        let mut foreign = record(NewKey::new("legacy").never_expires());
        foreign.is_foreign = true;
        let peppers = Peppers::new(2, &Secret::new(vec![1; 32])).expect("long enough");
        let peppered = NewKey::new("new")
            .issue(NOW, Some(&peppers))
            .expect("issued");
        let peppered = peppered.record().clone();
        let all = [&plain, &revoked, &soon, &foreign, &peppered];
        let text = |text: &str| query(|it| it.text = Some(text.into()));
        for (query, expected) in [
            (query(|_| ()), &all[..]),
            (
                query(|it| it.owner = Some("orders".into())),
                &[&revoked, &soon],
            ),
            (query(|it| it.owner = Some("order".into())), &[]),
            (query(|it| it.state = Some(KeyState::Revoked)), &[&revoked]),
            (
                query(|it| it.expires_before = Some(NOW.saturating_add(DAY))),
                &[],
            ),
            (
                query(|it| it.expires_before = Some(NOW.saturating_add(DAY * 2))),
                &[&soon],
            ),
            (
                query(|it| it.other_pepper_than = Some(2)),
                &[&plain, &revoked, &soon],
            ),
            (
                query(|it| it.other_pepper_than = Some(1)),
                &[&plain, &revoked, &soon, &peppered],
            ),
            (text("IGHTLY R"), &[&plain]),
            (text("eu-w"), &[&plain]),
            (text("ORDER"), &[&revoked, &soon]),
            (text(&plain.id.as_str().to_uppercase()), &[&plain]),
            (text("%"), &[]),
        ] {
            let selected: Vec<_> = all.into_iter().filter(|it| query.matches(it)).collect();
            assert_eq!(selected, expected, "{query:?}");
        }
        let later = NOW.saturating_add(DAY);
        let expired = KeyQuery {
            state: Some(KeyState::Expired),
            ..KeyQuery::new(later)
        };
        assert!(expired.matches(&soon) && !expired.matches(&plain));
    }

    #[test]
    fn pages_cover_all_records_once() {
        let mut records: Vec<_> = (0..10).map(|_| record(NewKey::new("a"))).collect();
        for (at, record) in records.iter_mut().enumerate() {
            // Two records of each time, whose ids decide.
            record.created_at = NOW.saturating_add(DAY * (at as u32 / 2));
        }
        let mut expected = records.clone();
        expected.sort_by_key(|record| (record.created_at, record.id));
        expected.reverse();
        for limit in 1..=11 {
            let mut query = query(|it| it.limit = limit);
            let mut read = Vec::new();
            loop {
                let page = query.select(&records);
                assert!(page.keys.len() == limit || page.next.is_none());
                read.extend(page.keys);
                query.after = match page.next {
                    None => break,
                    // As a caller sends it back.
                    Some(next) => Some(next.to_string().parse().expect("a cursor")),
                };
            }
            assert_eq!(read, expected, "{limit}");
        }
    }

    #[test]
    fn cursor_is_the_time_and_the_id() {
        let text = "1800000000123-4fXq0ZbT9kLm";
        let cursor: Cursor = text.parse().expect("a cursor");
        assert_eq!(cursor.created_ms, 1_800_000_000_123);
        assert_eq!(cursor.to_string(), text);
        for bad in [
            "",
            "-",
            "1-",
            "-4fXq0ZbT9kLm",
            "+1-4fXq0ZbT9kLm",
            "1_4fXq0ZbT9kLm",
            "1-4fXq0ZbT9kL",
            "1-4fXq0ZbT9kLm-",
            "18446744073709551616-4fXq0ZbT9kLm",
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(InvalidCursor), "{bad}");
        }
    }
}
