//! Random sequences of changes and reads, on the store and on `MemoryStore` as the model.
//!
//! Both make keys of their own, so that records are compared by the numbers of their keys. `PORTCULLIS_MODEL_STEPS` sets the
//! number of steps on each database.

use std::{collections::HashMap, time::Duration};

use portcullis_api_key::{
    ApiKeyId, Created, Cursor, Idempotency, KeyManager, KeyPage, KeyQuery, KeyRecord, KeyState,
    ManageError, MemoryStore, NewKey,
};
use portcullis_core::ScopeSet;
use portcullis_sql::SqlStore;

use crate::fixture::Fixture;

const STEPS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_does_as_the_model() {
    run(&Fixture::sqlite()).await;
}

mod postgresql {
    #[tokio::test(flavor = "multi_thread")]
    async fn does_as_the_model() {
        super::run(&crate::postgresql::fixture().await).await;
    }
}

async fn run(fixture: &Fixture) {
    let steps = std::env::var("PORTCULLIS_MODEL_STEPS")
        .ok()
        .and_then(|steps| steps.parse().ok());
    let seed = std::env::var("PORTCULLIS_MODEL_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("PORTCULLIS_MODEL_SEED={seed}");
    let mut pair = Pair {
        stores: [fixture.store().await, fixture.store().await],
        model: MemoryStore::new().clock(fixture.clock.shared()),
        random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
        ids: Vec::new(),
        numbers: HashMap::new(),
    };
    for _ in 0..steps.unwrap_or(STEPS) {
        pair.step(fixture).await;
    }
    crate::crash::check_invariants(fixture).await;
}

/// Xorshift: the same sequence for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

struct Pair {
    /// Two instances, of which each step uses one.
    stores: [SqlStore; 2],
    model: MemoryStore,
    random: Random,
    /// By the number of the key: its id in the store and in the model.
    ids: Vec<[ApiKeyId; 2]>,
    numbers: HashMap<ApiKeyId, usize>,
}

/// What the store and the model must agree about.
#[derive(Debug, PartialEq)]
struct Comparable {
    key: usize,
    successor: Option<usize>,
    record: String,
}

impl Pair {
    async fn step(&mut self, fixture: &Fixture) {
        // No two keys are created at one time, so that the lists do not depend on the ids.
        fixture.clock.advance(Duration::from_millis(1));
        let kind = self.random.below(100);
        match kind {
            0..25 => self.create().await,
            25..40 => self.rotate().await,
            40..55 => self.revoke().await,
            55..58 => self.import(fixture).await,
            58..61 => self.purge(fixture).await,
            61..66 => fixture
                .clock
                .advance(Duration::from_secs(self.random.below(9_000))),
            66..80 => self.get().await,
            _ => self.page(fixture).await,
        }
    }

    fn store(&mut self) -> SqlStore {
        self.stores[self.random.below(2) as usize].clone()
    }

    fn note(&mut self, in_store: ApiKeyId, in_model: ApiKeyId) {
        let number = self.ids.len();
        self.ids.push([in_store, in_model]);
        self.numbers.insert(in_store, number);
        self.numbers.insert(in_model, number);
    }

    /// Any key that ever was; now and then, one that never was.
    fn any_key(&mut self) -> [ApiKeyId; 2] {
        let number = self.random.below(self.ids.len() as u64 + 1) as usize;
        // Mostly of the newest.
        let number = match self.random.below(4) {
            0 => number,
            _ => self
                .ids
                .len()
                .saturating_sub(self.random.below(30) as usize + 1),
        };
        let never = "000000000000".parse().expect("an id");
        self.ids.get(number).copied().unwrap_or([never; 2])
    }

    fn comparable(&self, record: &KeyRecord) -> Comparable {
        Comparable {
            key: self.numbers[&record.id],
            successor: record.successor.map(|id| self.numbers[&id]),
            record: format!(
                "{} {} {:?} {} {:?} {:?} {:?} {:?} {:?}",
                record.owner,
                record.name,
                record.tags,
                record.scopes,
                record.created_at,
                record.expires_at,
                record.revoked_at,
                record.revoke_reason,
                record.idempotency,
            ),
        }
    }

    /// Errors name the key, whose ids differ.
    fn problem(&self, error: &ManageError) -> String {
        let mut text = error.to_string();
        for (id, number) in &self.numbers {
            if text.contains(id.as_str()) {
                text = text.replace(id.as_str(), &format!("#{number}"));
            }
        }
        text
    }

    fn new_key(&mut self) -> NewKey {
        let owner = format!("Owner {}", self.random.below(5));
        let new = NewKey::new(owner)
            .name(format!("service-{}", self.random.below(50)))
            .tags([format!("Tag={}", self.random.below(3))])
            .scopes(ScopeSet::parse("orders:read orders:write"));
        let new = match self.random.below(4) {
            0 => new.never_expires(),
            _ => new.expires_in(Duration::from_millis(1 + self.random.below(20_000_000))),
        };
        match self.random.below(3) {
            0 => new.idempotency(Idempotency {
                key: [self.random.below(200) as u8; 32],
                request: [self.random.below(2) as u8; 32],
            }),
            _ => new,
        }
    }

    async fn create(&mut self) {
        let new = self.new_key();
        let in_store = self.store().create(new.clone()).await;
        let in_model = KeyManager::create(&self.model, new).await;
        match (in_store, in_model) {
            (Ok(Created::New(one)), Ok(Created::New(two))) => {
                self.note(one.record().id, two.record().id);
                assert_eq!(self.comparable(one.record()), self.comparable(two.record()));
            }
            (Ok(Created::Before(one)), Ok(Created::Before(two))) => {
                assert_eq!(self.comparable(&one), self.comparable(&two));
            }
            (Err(one), Err(two)) => assert_eq!(one, two),
            other => panic!("{other:?}"),
        }
    }

    async fn rotate(&mut self) {
        let [one, two] = self.any_key();
        let grace = Duration::from_millis(self.random.below(5_000_000));
        let in_store = self.store().rotate(&one, grace).await;
        let in_model = KeyManager::rotate(&self.model, &two, grace).await;
        match (in_store, in_model) {
            (Ok(one), Ok(two)) => {
                self.note(one.record().id, two.record().id);
                assert_eq!(self.comparable(one.record()), self.comparable(two.record()));
            }
            (Err(one), Err(two)) => assert_eq!(self.problem(&one), self.problem(&two)),
            other => panic!("{other:?}"),
        }
    }

    async fn revoke(&mut self) {
        let [one, two] = self.any_key();
        let reason = [None, Some("leaked"), Some("a\nb")][self.random.below(3) as usize];
        let in_store = self.store().revoke(&one, reason).await;
        let in_model = KeyManager::revoke(&self.model, &two, reason).await;
        match (in_store, in_model) {
            (Ok(one), Ok(two)) => assert_eq!(self.comparable(&one), self.comparable(&two)),
            (Err(one), Err(two)) => assert_eq!(self.problem(&one), self.problem(&two)),
            other => panic!("{other:?}"),
        }
    }

    async fn import(&mut self, fixture: &Fixture) {
        let mut records = Vec::new();
        for _ in 0..self.random.below(4) {
            let new = self
                .new_key()
                .issue(fixture.clock.shared().now(), None)
                .expect("issued");
            let mut record = new.record().clone();
            // The model would find any of several records with one idempotency key.
            record.idempotency = None;
            records.push(record);
            fixture.clock.advance(Duration::from_millis(1));
        }
        // A record that both have, if it was imported.
        let [one, two] = self.any_key();
        if let Some(there) = self
            .model
            .get(&two)
            .await
            .expect("the model")
            .filter(|_| one == two)
        {
            records.push(there);
        }
        let in_store = self.store().import(records.clone()).await;
        let in_model = self.model.import(records.clone()).await;
        assert_eq!(in_store, in_model);
        for record in records {
            if !self.numbers.contains_key(&record.id) {
                self.note(record.id, record.id);
            }
        }
    }

    async fn purge(&mut self, fixture: &Fixture) {
        let before = fixture
            .clock
            .shared()
            .now()
            .saturating_sub(Duration::from_secs(self.random.below(9_000)));
        let in_store = self.store().purge(before).await;
        assert_eq!(in_store, self.model.purge(before).await);
    }

    async fn get(&mut self) {
        let [one, two] = self.any_key();
        let in_store = self.store().get(&one).await.expect("an answer");
        let in_model = self.model.get(&two).await.expect("the model");
        let comparable = |record: Option<KeyRecord>| record.map(|record| self.comparable(&record));
        assert_eq!(comparable(in_store), comparable(in_model));
    }

    async fn page(&mut self, fixture: &Fixture) {
        let now = fixture.clock.shared().now();
        // The clock of who asks may differ.
        let mut query = match self.random.below(4) {
            0 => KeyQuery::new(now.saturating_sub(Duration::from_secs(self.random.below(9_000)))),
            _ => KeyQuery::new(now),
        };
        query.limit = 1 + self.random.below(20) as usize;
        query.owner =
            (self.random.below(3) == 0).then(|| format!("Owner {}", self.random.below(6)).into());
        let states = [
            None,
            Some(KeyState::Active),
            Some(KeyState::Expired),
            Some(KeyState::Revoked),
        ];
        query.state = states[self.random.below(4) as usize];
        query.expires_before = (self.random.below(4) == 0)
            .then(|| now.saturating_add(Duration::from_secs(self.random.below(20_000))));
        let texts = ["SERVICE-1", "tag=", "owner 2", "=", "%"];
        query.text =
            (self.random.below(4) == 0).then(|| texts[self.random.below(5) as usize].into());
        let [one, two] = self.any_key();
        let mut in_model = query.clone();
        let (there, also) = (self.stores[0].get(&one).await, self.model.get(&two).await);
        if let (Ok(Some(there)), Ok(Some(also)), 0) = (there, also, self.random.below(2)) {
            query.after = Some(Cursor::of(&there));
            in_model.after = Some(Cursor::of(&also));
        }
        let page = self.store().page(&query).await.expect("a page");
        let expected = self.model.page(&in_model).await.expect("the model");
        let comparable = |page: &KeyPage| -> (Vec<Comparable>, Option<usize>) {
            let keys = page
                .keys
                .iter()
                .map(|record| self.comparable(record))
                .collect();
            (keys, page.next.map(|next| self.numbers[&next.id]))
        };
        assert_eq!(comparable(&page), comparable(&expected), "{query:?}");
    }
}
