use std::time::Duration;

use portcullis_api_key::{
    ApiKeyId, ApiKeys, Created, Idempotency, Imported, IssuedKey, KeyDigest, KeyError, KeyManager,
    KeyQuery, KeyRecord, KeyState, ManageError, NewKey,
};
use portcullis_core::clock::{Clock, UnixTime};

use super::{Known, Model, Random};
use crate::support::{ManualClock, send_key};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const OWNERS: [&str; 3] = ["billing", "Team Zürich", "orders"];
/// If there are more keys, half of them are revoked and purged.
const MANY: usize = 24;

/// A store under test: its manager, and the scheme that answers requests.
pub(crate) struct Subject {
    pub(crate) manager: Box<dyn KeyManager>,
    pub(crate) keys: ApiKeys,
    /// Lets the scheme see all changes, and the clock. Called after each of them, before the next request.
    pub(crate) refresh: Box<dyn Fn()>,
}

/// Drives a store and the model with the same random steps.
pub(crate) struct Run {
    subject: Subject,
    clock: ManualClock,
    random: Random,
    model: Model,
    /// Texts of keys that were purged, and of keys that the store never had.
    strangers: Vec<String>,
    step: u64,
}

impl Run {
    pub(crate) fn new(subject: Subject, clock: ManualClock, random: Random) -> Self {
        Self {
            subject,
            clock,
            random,
            model: Model::default(),
            strangers: vec!["not-a-key-at-all".to_owned()],
            step: 0,
        }
    }

    pub(crate) async fn steps(mut self, steps: u64) {
        self.create().await;
        (self.subject.refresh)();
        for step in 1..=steps {
            self.step = step;
            let action = self.random.below(20);
            match action {
                0..4 => self.create().await,
                4..6 => self.rotate().await,
                6..8 => self.revoke().await,
                8 => self.import().await,
                9 => {
                    let age = self.random.pick(&[Duration::ZERO, MINUTE, DAY, DAY * 100]);
                    self.purge(age).await;
                }
                10..13 => self.move_clock(),
                13..15 => self.read_pages().await,
                _ => self.read_one().await,
            }
            if self.model.0.len() > MANY {
                self.thin_out().await;
                (self.subject.refresh)();
            }
            if action < 13 {
                (self.subject.refresh)();
            }
            self.request().await;
            if step % 100 == 0 {
                self.check_all().await;
            }
        }
        self.check_all().await;
    }

    fn now(&self) -> UnixTime {
        self.clock.now()
    }

    fn known_id(&mut self) -> Option<ApiKeyId> {
        let ids: Vec<ApiKeyId> = self.model.0.keys().copied().collect();
        (!ids.is_empty()).then(|| self.random.pick(&ids))
    }

    /// The id of a key, seldom of one that does not exist.
    fn some_id(&mut self) -> ApiKeyId {
        let unknown = "000000000000".parse().expect("an id");
        match self.random.once_in(20) {
            true => unknown,
            false => self.known_id().unwrap_or(unknown),
        }
    }

    fn new_key(&mut self) -> NewKey {
        let new = NewKey::new(self.random.pick(&OWNERS)).name(format!("key {}", self.step));
        let new = new.tags(self.random.once_in(2).then_some("batch"));
        match self.random.below(4) {
            0 => new.never_expires(),
            1 => new.expires_in(MINUTE),
            2 => new.expires_in(DAY),
            _ => new,
        }
    }

    fn remember(&mut self, issued: &IssuedKey) {
        let (text, record) = (issued.key().expose().to_owned(), issued.record().clone());
        let before = self.model.0.insert(record.id, Known { text, record });
        assert!(before.is_none(), "step {}: an id came twice", self.step);
    }

    async fn create(&mut self) {
        let new = self.new_key();
        let idempotency = self.random.once_in(2).then(|| Idempotency {
            key: [u8::try_from(self.random.below(20)).expect("small"); 32],
            request: [u8::from(self.random.once_in(4)); 32],
        });
        let Some(idempotency) = idempotency else {
            let created = self.subject.manager.create(new).await;
            let Ok(Created::New(issued)) = created else {
                panic!("step {}: {created:?}", self.step)
            };
            return self.remember(&issued);
        };
        let created = self
            .subject
            .manager
            .create(new.idempotency(idempotency))
            .await;
        let before = self.model.repeated(idempotency.key).cloned();
        match (created, before) {
            (Ok(Created::New(issued)), None) => self.remember(&issued),
            (Ok(Created::Before(found)), Some(before)) => {
                assert_eq!(found.id, before.id, "step {}", self.step);
                assert_eq!(before.idempotency, Some(idempotency), "step {}", self.step);
            }
            (Err(ManageError::IdempotencyConflict), Some(before)) => {
                assert_ne!(before.idempotency, Some(idempotency), "step {}", self.step);
            }
            (created, before) => panic!("step {}: {created:?}, {before:?}", self.step),
        }
    }

    async fn rotate(&mut self) {
        let (id, now) = (self.some_id(), self.now());
        let grace = self.random.pick(&[Duration::ZERO, MINUTE, DAY * 3]);
        let rotated = self.subject.manager.rotate(&id, grace).await;
        let old = self.model.0.get_mut(&id).map(|known| &mut known.record);
        let (new, old) = match (rotated, old) {
            (Ok(new), Some(old)) => (new, old),
            (Err(ManageError::Key(error)), old) => {
                let expected = match old {
                    None => KeyError::NotFound(id),
                    Some(old) => match old.successor {
                        Some(successor) => KeyError::AlreadyRotated { id, successor },
                        None => KeyError::Ended(id),
                    },
                };
                assert_eq!(error, expected, "step {}", self.step);
                return;
            }
            (other, old) => panic!("step {}: {other:?}, {old:?}", self.step),
        };
        let is_active = super::state(old, now) == KeyState::Active;
        assert!(
            is_active && old.successor.is_none(),
            "step {}: {old:?}",
            self.step
        );
        let deadline = now.saturating_add(grace);
        old.successor = Some(new.record().id);
        old.expires_at = Some(old.expires_at.map_or(deadline, |at| at.min(deadline)));
        assert_eq!(
            (&new.record().owner, &new.record().name),
            (&old.owner, &old.name)
        );
        self.remember(&new);
    }

    async fn revoke(&mut self) {
        let (id, now) = (self.some_id(), self.now());
        let reason = self.random.once_in(2).then_some("it leaked");
        let revoked = self.subject.manager.revoke(&id, reason).await;
        let Some(Known { record, .. }) = self.model.0.get_mut(&id) else {
            let expected = Err(ManageError::Key(KeyError::NotFound(id)));
            assert_eq!(revoked, expected, "step {}", self.step);
            return;
        };
        if record.revoked_at.is_none() {
            record.revoked_at = Some(now);
            record.revoke_reason = reason.map(Into::into);
        }
        let revoked = revoked.expect("a known key");
        assert_same(&revoked, record, self.step);
    }

    async fn import(&mut self) {
        let now = self.now();
        let text = format!(
            "legacy-{:016x}{:016x}",
            self.random.number(),
            self.random.number()
        );
        let digest = KeyDigest::of_text(&text, None);
        let foreign = KeyRecord::foreign(digest, "legacy", now).expect("a record");
        let own = self.new_key().issue(now, None).expect("issued");
        let mut records = vec![foreign.clone(), own.record().clone()];
        let known = self.known_id().map(|id| self.model.0[&id].record.clone());
        let skipped = known.clone().into_iter().count() as u64;
        records.extend(known.clone());
        if let Some(mut other) = known.filter(|_| self.random.once_in(3)) {
            other.digest = digest;
            *records.last_mut().expect("pushed") = other.clone();
            let imported = self.subject.manager.import(records).await;
            let expected = Err(ManageError::Key(KeyError::Duplicate(other.id)));
            assert_eq!(imported, expected, "step {}", self.step);
            self.strangers.push(text);
            return;
        }
        let imported = self.subject.manager.import(records).await;
        let expected = Imported { stored: 2, skipped };
        assert_eq!(imported, Ok(expected), "step {}", self.step);
        self.remember(&own);
        let record = foreign;
        self.model.0.insert(record.id, Known { text, record });
    }

    async fn thin_out(&mut self) {
        for _ in 0..MANY / 2 {
            self.revoke().await;
        }
        self.clock.advance(Duration::from_millis(1));
        self.purge(Duration::ZERO).await;
    }

    async fn purge(&mut self, age: Duration) {
        let before = self.now().saturating_sub(age);
        let texts: Vec<(ApiKeyId, String)> = (self.model.0.iter())
            .map(|(id, known)| (*id, known.text.clone()))
            .collect();
        let purged = self.subject.manager.purge(before).await;
        assert_eq!(purged, Ok(self.model.purge(before)), "step {}", self.step);
        let gone = texts
            .into_iter()
            .filter(|(id, _)| !self.model.0.contains_key(id));
        self.strangers.extend(gone.map(|(_, text)| text));
        let many = self.strangers.len().saturating_sub(MANY);
        self.strangers.drain(..many);
    }

    fn move_clock(&mut self) {
        let by = self.random.pick(&[
            Duration::from_millis(1),
            Duration::from_secs(20),
            MINUTE,
            DAY / 2,
            DAY * 30,
        ]);
        match self.random.once_in(5) {
            true => self.clock.set_back(by.min(DAY)),
            false => self.clock.advance(by),
        }
    }

    async fn read_one(&mut self) {
        let id = self.some_id();
        let found = self.subject.manager.get(&id).await.expect("read");
        match (found, self.model.0.get(&id)) {
            (None, None) => {}
            (Some(found), Some(known)) => assert_same(&found, &known.record, self.step),
            (found, known) => panic!("step {}: {found:?}, {known:?}", self.step),
        }
    }

    async fn read_pages(&mut self) {
        let mut query = KeyQuery::new(self.now());
        match self.random.below(6) {
            0 => query.owner = Some(self.random.pick(&OWNERS).into()),
            1 => {
                let states = [KeyState::Active, KeyState::Expired, KeyState::Revoked];
                query.state = Some(self.random.pick(&states));
            }
            2 => query.expires_before = Some(self.now().saturating_add(DAY)),
            3 => query.text = Some(self.random.pick(&["BATCH", "zürich", "key 1"]).into()),
            4 => query.other_pepper_than = Some(1),
            _ => {}
        }
        query.limit = 1 + self.random.below(MANY);
        let expected = self.model.list(&query);
        let mut read = Vec::new();
        loop {
            let page = self.subject.manager.page(&query).await.expect("a page");
            assert!(page.keys.len() <= query.limit, "step {}", self.step);
            read.extend(page.keys);
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        assert_eq!(read.len(), expected.len(), "step {}: {query:?}", self.step);
        for (read, expected) in read.iter().zip(&expected) {
            assert_same(read, expected, self.step);
        }
    }

    /// Sends a key, or a text that no longer is one.
    async fn request(&mut self) {
        let id = self.known_id().filter(|_| !self.random.once_in(4));
        let text = match id {
            Some(id) => self.model.0[&id].text.clone(),
            None => self.random.pick(&self.strangers),
        };
        self.check(&text).await;
    }

    async fn check_all(&mut self) {
        let known = self.model.0.values().map(|known| known.text.clone());
        let texts: Vec<String> = known.chain(self.strangers.iter().cloned()).collect();
        for text in texts {
            self.check(&text).await;
        }
    }

    async fn check(&self, text: &str) {
        let status = send_key(&self.subject.keys, text).await.status.as_u16();
        let expected = match self.model.accepts(text, self.now()) {
            true => 200,
            false => 401,
        };
        assert_eq!(status, expected, "step {}", self.step);
    }
}

/// Compares all that both must know. The revision and the last use are the store's own.
fn assert_same(read: &KeyRecord, expected: &KeyRecord, step: u64) {
    let mut read = read.clone();
    read.revision = expected.revision;
    read.last_used_at = expected.last_used_at;
    read.use_count = expected.use_count;
    assert_eq!(read, *expected, "step {step}");
}
