//! A million keys: the time of an import, and of a page at any place of the list. Run it in release, alone:
//!
//! ```console
//! $ cargo test --release -p portcullis-sql --test store -- --ignored --nocapture --test-threads 1 million
//! ```

use std::time::Duration;

use portcullis_api_key::{
    ApiKeyId, Cursor, KeyManager, KeyQuery, KeyRecord, KeySource, KeyState, NewKey,
};
use tokio::time::Instant;

use crate::fixture::{Fixture, START};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const COUNT: u32 = 1_000_000;
/// Created over two years, so that the older half has expired.
const STEP: Duration = Duration::from_secs(63);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long"]
async fn sqlite_pages_are_fast() {
    measure(&Fixture::sqlite()).await;
}

mod postgresql {
    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "minutes long"]
    async fn pages_are_fast() {
        super::measure(&crate::postgresql::fixture().await).await;
    }
}

fn record(number: u32) -> KeyRecord {
    let created = START.saturating_sub(STEP * (COUNT - number));
    let new = NewKey::new(format!("owner-{}", number % 1_000)).name(format!("service {number}"));
    let new = match number % 50 {
        0 => new.never_expires(),
        _ => new,
    };
    let mut record = new.issue(created, None).expect("issued").record().clone();
    if number.is_multiple_of(20) {
        record
            .revoke(created, Some("rotated by hand"))
            .expect("a reason");
    }
    record
}

async fn measure(fixture: &Fixture) {
    let store = fixture.store().await;
    let records: Vec<KeyRecord> = (0..COUNT).map(record).collect();
    let places: Vec<Cursor> = records
        .iter()
        .rev()
        .step_by(COUNT as usize / 5)
        .map(Cursor::of)
        .collect();
    let middle = records[COUNT as usize / 2].id;
    let begin = Instant::now();
    store.import(records).await.expect("imported");
    println!("import of {COUNT} records: {:.1?}", begin.elapsed());
    lookups(&store, middle).await;
    let mut slow = Vec::new();
    for (what, set) in QUERIES {
        for place in [None].into_iter().chain(places.iter().copied().map(Some)) {
            let mut query = KeyQuery::new(START);
            set(&mut query);
            query.after = place;
            let mut times = Vec::new();
            for _ in 0..5 {
                let begin = Instant::now();
                store.page(&query).await.expect("a page");
                times.push(begin.elapsed());
            }
            times.sort();
            println!(
                "{what} from {:?}: {:.1?}",
                place.map(|it| it.created_ms),
                times
            );
            if times[2] > Duration::from_millis(10) {
                slow.push((what, place, times[2]));
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

async fn lookups(store: &portcullis_sql::SqlStore, id: ApiKeyId) {
    let begin = Instant::now();
    for _ in 0..1_000 {
        store.fetch(&id).await.expect("an answer").expect("there");
    }
    println!("lookup: {:.1?}", begin.elapsed() / 1_000);
    let begin = Instant::now();
    let (mut after, mut count) = (None, 0);
    loop {
        let ids = store.ids(after.as_ref(), 10_000).await.expect("ids");
        count += ids.len();
        match ids.last() {
            Some(last) => after = Some(*last),
            None => break,
        }
    }
    println!("all {count} ids: {:.1?}", begin.elapsed());
}

type Set = fn(&mut KeyQuery);

const QUERIES: [(&str, Set); 9] = [
    ("all", |_| {}),
    ("owner", |query| query.owner = Some("owner-7".into())),
    ("active", |query| query.state = Some(KeyState::Active)),
    ("expired", |query| query.state = Some(KeyState::Expired)),
    ("revoked", |query| query.state = Some(KeyState::Revoked)),
    ("expires in 14 days", |query| {
        query.expires_before = Some(START.saturating_add(14 * DAY))
    }),
    ("active of an owner", |query| {
        query.owner = Some("owner-7".into());
        query.state = Some(KeyState::Active);
    }),
    ("expired of an owner", |query| {
        query.owner = Some("owner-7".into());
        query.state = Some(KeyState::Expired);
    }),
    ("revoked of an owner", |query| {
        query.owner = Some("owner-7".into());
        query.state = Some(KeyState::Revoked);
    }),
];
