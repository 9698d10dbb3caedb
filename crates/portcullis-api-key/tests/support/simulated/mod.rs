//! A store and a bus in memory, with the faults that real ones have.

#![allow(dead_code, reason = "each test binary uses a part")]

mod bus;
mod manager;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use portcullis_api_key::{
    ApiKeyId, IssuedKey, KeyMaker, KeyRecord, KeySource, KeyUse, NewKey, Position, Seen, StoreError,
};
use portcullis_core::clock::UnixTime;
use tokio::time::sleep;

pub(crate) use bus::{BusFault, SimulatedBus};
pub(crate) use manager::SimulatedManager;

/// A store with a history. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct SimulatedStore(Arc<Mutex<State>>);

#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) records: BTreeMap<ApiKeyId, KeyRecord>,
    pub(crate) revision: u64,
    /// The mark of each revision.
    marks: BTreeMap<u64, u64>,
    pub(crate) restores: u64,
    pub(crate) is_unconfirmed: bool,
    pub(crate) faults: Faults,
    pub(crate) uses: Vec<KeyUse>,
    pub(crate) calls: Calls,
    next_mark: u64,
}

/// What goes wrong from now on.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Faults {
    /// Every query fails.
    pub(crate) is_down: bool,
    /// How long a query takes before it reads.
    pub(crate) before: Duration,
    /// How long its answer takes after the read.
    pub(crate) after: Duration,
}

impl Faults {
    pub(crate) fn is_instant(&self) -> bool {
        self.before.is_zero() && self.after.is_zero()
    }
}

/// How often the store was called.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) fetches: usize,
    pub(crate) positions: usize,
    pub(crate) reports: usize,
}

impl SimulatedStore {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("not poisoned")
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    pub(crate) fn create(&self, maker: &KeyMaker, new: NewKey) -> IssuedKey {
        let issued = maker.issue(new).expect("a key");
        self.lock().put(issued.record().clone());
        issued
    }

    pub(crate) fn rotate(&self, maker: &KeyMaker, id: &ApiKeyId, grace: Duration) -> IssuedKey {
        let mut state = self.lock();
        let mut old = state.records.get(id).expect("a key").clone();
        let new = maker.rotate(&mut old, grace).expect("can be rotated");
        state.put(old);
        state.put(new.record().clone());
        new
    }

    pub(crate) fn revoke(&self, id: &ApiKeyId, now: UnixTime) -> u64 {
        let mut state = self.lock();
        let mut record = state.records.get(id).expect("a key").clone();
        record.revoke(now, None).expect("no reason");
        state.put(record)
    }

    /// A copy, as a backup has it.
    pub(crate) fn back_up(&self) -> State {
        self.lock().clone()
    }

    pub(crate) fn restore(&self, backup: &State) {
        let mut state = self.lock();
        let (next_mark, calls, faults) = (state.next_mark, state.calls, state.faults);
        *state = State {
            next_mark,
            calls,
            faults,
            ..backup.clone()
        };
    }

    pub(crate) fn confirm_restore(&self) {
        let mut state = self.lock();
        state.restores += 1;
        state.is_unconfirmed = false;
    }

    pub(crate) fn calls(&self) -> Calls {
        self.lock().calls
    }

    /// Reads as a query does: after a while, and the answer takes a while too.
    async fn query<T>(&self, read: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        let faults = self.lock().faults;
        if !faults.before.is_zero() {
            sleep(faults.before).await;
        }
        let answer = {
            let mut state = self.lock();
            if state.faults.is_down {
                return Err(StoreError::new("connection refused"));
            }
            read(&mut state)
        };
        if !faults.after.is_zero() {
            sleep(faults.after).await;
        }
        Ok(answer)
    }
}

impl State {
    /// Stores a record under the next revision, which it returns.
    pub(crate) fn put(&mut self, mut record: KeyRecord) -> u64 {
        self.revision += 1;
        self.next_mark += 1;
        self.marks.insert(self.revision, self.next_mark);
        record.revision = self.revision;
        self.records.insert(record.id, record);
        self.revision
    }

    fn position(&self) -> Position {
        Position {
            revision: self.revision,
            mark: self.mark(self.revision),
            restores: self.restores,
        }
    }

    fn mark(&self, revision: u64) -> u64 {
        self.marks.get(&revision).copied().unwrap_or_default()
    }
}

#[async_trait]
impl KeySource for SimulatedStore {
    fn name(&self) -> String {
        "simulated".to_owned()
    }

    async fn fetch(&self, id: &ApiKeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.lock().calls.fetches += 1;
        self.query(|state| state.records.get(id).cloned()).await
    }

    async fn ids(
        &self,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Result<Vec<ApiKeyId>, StoreError> {
        let follows = |id: &&ApiKeyId| after.is_none_or(|after| *id > after);
        let read = |state: &mut State| {
            let ids = state.records.keys().filter(follows);
            ids.take(limit).copied().collect()
        };
        self.query(read).await
    }

    async fn position(&self, known: Option<&Position>) -> Result<Seen, StoreError> {
        self.lock().calls.positions += 1;
        self.query(|state| Seen {
            position: state.position(),
            continues: known.is_none_or(|known| {
                known.revision <= state.revision && state.mark(known.revision) == known.mark
            }),
            is_unconfirmed: state.is_unconfirmed,
        })
        .await
    }

    async fn changes(&self, after: u64, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        self.query(|state| {
            let records = state.records.values();
            let mut changes: Vec<_> = records
                .filter(|record| record.revision > after)
                .cloned()
                .collect();
            changes.sort_by_key(|record| record.revision);
            changes.truncate(limit);
            changes
        })
        .await
    }

    async fn report_restore(&self, _: &Position) -> Result<(), StoreError> {
        self.query(|state| {
            state.calls.reports += 1;
            state.is_unconfirmed = true;
        })
        .await
    }

    async fn record_uses(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        self.query(|state| state.uses.extend_from_slice(uses)).await
    }
}
