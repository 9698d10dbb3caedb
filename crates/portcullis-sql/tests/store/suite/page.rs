use std::time::Duration;

use portcullis_api_key::{
    KeyManager, KeyQuery, KeyRecord, KeySource, KeyState, KeyUse, NewKey, Peppers,
};
use portcullis_core::{Secret, clock::UnixTime};
use portcullis_sql::SqlStore;

use crate::fixture::{Fixture, START};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn at(days: u32) -> UnixTime {
    START.saturating_add(days * DAY)
}

/// Keys of three owners, in all states, with and without peppers, several of which were created in the same millisecond.
async fn fill(fixture: &Fixture, store: &SqlStore) {
    let peppers = |version| Peppers::new(version, &Secret::new([1; 32])).expect("long enough");
    let [one, two] = [1, 2].map(|version| Some(peppers(version)));
    let mut records = Vec::new();
    for number in 0..120_u32 {
        let new = NewKey::new(["billing", "Orders", "50%_off"][number as usize % 3])
            .name(format!("service {number}"))
            .tags([format!("Tag{}", number % 7)]);
        let new = match number % 5 {
            0 => new.never_expires(),
            days => new.expires_in(days * DAY),
        };
        let peppers = [&None, &one, &two][number as usize % 4 % 3];
        let issued = new.issue(
            START.saturating_add(Duration::from_millis(u64::from(number / 4))),
            peppers.as_ref(),
        );
        let mut record = issued.expect("issued").record().clone();
        record.is_foreign = number % 11 == 0;
        records.push(record);
    }
    let revoked: Vec<_> = records.iter().step_by(6).map(|record| record.id).collect();
    store.import(records).await.expect("imported");
    for id in revoked {
        store.revoke(&id, None).await.expect("revoked");
    }
    fixture.clock.advance(2 * DAY);
}

async fn all(store: &SqlStore) -> Vec<KeyRecord> {
    let mut all = Vec::new();
    for id in store.ids(None, 1_000).await.expect("ids") {
        all.extend(store.fetch(&id).await.expect("an answer"));
    }
    all
}

type Set = fn(&mut KeyQuery);

/// The queries whose answers the plain selection over all records confirms.
const QUERIES: [Set; 20] = [
    |_| {},
    |query| query.owner = Some("Orders".into()),
    |query| query.owner = Some("orders".into()),
    |query| query.owner = Some("Orders\0".into()),
    |query| query.state = Some(KeyState::Active),
    |query| query.state = Some(KeyState::Expired),
    |query| query.state = Some(KeyState::Revoked),
    |query| query.expires_before = Some(at(4)),
    |query| query.expires_before = Some(at(3).saturating_add(Duration::from_nanos(1))),
    |query| query.text = Some("SERVICE 1".into()),
    |query| query.text = Some("50%_".into()),
    |query| query.text = Some("%".into()),
    |query| query.text = Some("tag3".into()),
    |query| query.text = Some("tag3\n".into()),
    |query| query.other_pepper_than = Some(2),
    |query| {
        query.owner = Some("billing".into());
        query.state = Some(KeyState::Expired);
    },
    |query| {
        query.owner = Some("billing".into());
        query.state = Some(KeyState::Active);
        query.expires_before = Some(at(4));
    },
    |query| {
        query.state = Some(KeyState::Revoked);
        query.expires_before = Some(at(4));
    },
    |query| {
        query.state = Some(KeyState::Expired);
        query.expires_before = Some(at(4));
    },
    |query| {
        query.state = Some(KeyState::Active);
        query.text = Some("Ü".into());
    },
];

async fn check_queries(store: &SqlStore, now: UnixTime) {
    let all = all(store).await;
    assert_eq!(all.len(), 120);
    for (number, set) in QUERIES.iter().enumerate() {
        for limit in [1_000, 7, 0] {
            let mut query = KeyQuery::new(now);
            query.limit = limit;
            set(&mut query);
            loop {
                let page = store.page(&query).await.expect("a page");
                assert_eq!(
                    page,
                    query.select(&all),
                    "query {number} from {:?}",
                    query.after
                );
                match page.next {
                    Some(_) => query.after = page.next,
                    None => break,
                }
            }
        }
    }
}

pub(crate) async fn page_shows_what_the_query_selects(fixture: &Fixture) {
    let store = fixture.store().await;
    fill(fixture, &store).await;
    check_queries(&store, at(2)).await;
}

pub(crate) async fn expired_keys_are_listed_with_and_without_marks(fixture: &Fixture) {
    let store = fixture.store().await;
    fill(fixture, &store).await;
    let unmarked = "SELECT count(*) FROM portcullis_keys WHERE NOT lapsed AND expires_ms <= 1800172800000 AND revoked_ms IS NULL";
    assert!(fixture.number(unmarked).await > 0);
    let id = store.ids(None, 1).await.expect("ids")[0];
    let key_use = KeyUse {
        id,
        last_used_at: at(2),
        count: 1,
        new_digest: None,
    };
    store.record_uses(&[key_use]).await.expect("recorded");
    assert_eq!(fixture.number(unmarked).await, 0);
    // The marks are hints: a query may ask for another time, and the clock may be set back.
    for days in [0, 1, 2, 3, 9] {
        check_queries(&store, at(days)).await;
    }
}
