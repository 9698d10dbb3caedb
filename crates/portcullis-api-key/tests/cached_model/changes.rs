//! Changes of keys.

use std::time::Duration;

use portcullis_api_key::{ApiKeyId, BusMessage, KeyManager, NewKey};
use portcullis_core::clock::Clock;

use crate::{
    look_ups::answer,
    support::{cache_model::Answer, simulated::SimulatedManager},
    world::World,
};

impl World {
    pub(crate) async fn create(&mut self) {
        let lifetime = self.random.pick(&[30, 300, 2_000_000, 4_000_000]);
        let new = NewKey::new("a").expires_in(Duration::from_secs(lifetime));
        let record = match self.manager() {
            Some(manager) => match manager.create(new).await {
                Ok(created) => created.record().clone(),
                Err(_) => return,
            },
            None => self.store.create(&self.maker, new).record().clone(),
        };
        self.note(format!("create {}", record.id));
        self.model
            .create(record.id, record.expires_at.expect("it expires"));
        self.ids.push(record.id);
        self.tell();
    }

    pub(crate) async fn rotate(&mut self) {
        let Some(id) = self.some_live_key() else {
            return;
        };
        if self.store.lock().records[&id].successor.is_some() {
            return;
        }
        let grace = Duration::from_secs(self.random.pick(&[0, 1, 10]));
        let new = match self.manager() {
            Some(manager) => match manager.rotate(&id, grace).await {
                Ok(new) => new,
                Err(_) => return,
            },
            None => self.store.rotate(&self.maker, &id, grace),
        };
        self.note(format!("rotate {id} to {}", new.record().id));
        let old = self.store.lock().records[&id].clone();
        self.model.rotate(&id, old.expires_at.expect("it expires"));
        let record = new.record();
        self.model
            .create(record.id, record.expires_at.expect("it expires"));
        self.ids.push(record.id);
        self.tell();
    }

    pub(crate) async fn revoke(&mut self) {
        let Some(id) = self.some_live_key() else {
            return;
        };
        match self.manager() {
            Some(manager) => {
                if manager.revoke(&id, None).await.is_err() {
                    return;
                }
                self.note(format!("revoke {id} here"));
                self.model.revoke(&id);
                let found = answer(&self.caches[0], &id, &self.clock);
                assert_ne!(
                    found,
                    Some(Answer::Accepted),
                    "revoked here, and accepted here"
                );
            }
            None => {
                self.note(format!("revoke {id} elsewhere"));
                self.store.revoke(&id, self.clock.now());
                self.model.revoke(&id);
            }
        }
        self.tell();
    }

    /// Changes are made by the first cache, or by another process.
    pub(crate) fn manager(&mut self) -> Option<impl KeyManager + use<>> {
        // Its calls would let time pass if the store were slow, and the model would not know when the change was made.
        let is_at_hand = self.store.lock().faults.is_instant() && self.random.below(2) == 0;
        is_at_hand.then(|| {
            self.caches[0].manage(SimulatedManager {
                store: self.store.clone(),
                maker: self.maker.clone(),
            })
        })
    }

    /// The process that made the change tells the others, unless it dies first.
    pub(crate) fn tell(&mut self) {
        if self.random.below(10) > 0 {
            let revision = self.store.lock().revision;
            self.bus.send(BusMessage::Changed(revision));
        }
    }

    pub(crate) fn some_live_key(&mut self) -> Option<ApiKeyId> {
        let wall = self.clock.now();
        let live: Vec<_> = (self.ids.iter().rev().take(40))
            .filter(|id| self.model.is_live(id, wall))
            .copied()
            .collect();
        (!live.is_empty()).then(|| self.random.pick(&live))
    }
}
