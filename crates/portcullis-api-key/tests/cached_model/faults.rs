//! What goes wrong.

use std::time::Duration;

use crate::{
    support::{
        cache_model::REACHABLE,
        simulated::{BusFault, Faults},
    },
    world::{SECOND, World},
};

impl World {
    pub(crate) async fn change_store(&mut self) {
        let (before, after) = match self.random.below(8) {
            0 => (900, 900),
            1 => (0, 1_500),
            2 => (100, 200),
            3 => (3_000, 0),
            4 => (0, 3_000),
            _ => (0, 0),
        };
        let faults = Faults {
            is_down: self.random.below(4) == 0,
            before: Duration::from_millis(before),
            after: Duration::from_millis(after),
        };
        self.note(format!("store: {faults:?}"));
        self.store.set_faults(faults);
        let is_reachable = !faults.is_down && before + after < 2_000;
        self.model
            .set_store(is_reachable, is_reachable && before + after <= 300);
        if !is_reachable && self.random.below(4) == 0 {
            self.note("a long outage".to_owned());
            let minutes = self.random.pick(&[5, 14, 16]);
            self.pass(minutes * 60 * SECOND).await;
        }
    }

    pub(crate) fn change_bus(&mut self) {
        use BusFault::{Down, LosesChanges, None, Silent};
        let fault = self
            .random
            .pick(&[None, None, None, Silent, LosesChanges, Down]);
        self.note(format!("bus: {fault:?}"));
        self.bus.set_fault(fault);
    }

    /// The clock is set.
    pub(crate) fn jump(&mut self) {
        let by = Duration::from_secs(self.random.pick(&[3, 60, 3_600]));
        self.last_jump = self.model.now;
        if self.random.below(2) == 0 {
            self.note(format!("clock set {by:?} ahead"));
            self.clock.advance(by);
        } else {
            self.note(format!("clock set {by:?} back"));
            self.last_set_back = self.model.now;
            self.clock.set_back(by);
        }
    }

    /// The monotonic clock stands still while the machine sleeps. If the wall clock was set back since the last sync, the
    /// sleep cannot be seen.
    pub(crate) fn sleep_machine(&mut self) {
        let since_set_back = self.model.now - self.last_set_back;
        if since_set_back > REACHABLE && self.model.is_fast_for(REACHABLE) {
            let by = Duration::from_secs(self.random.pick(&[10, 60, 1_800]));
            self.note(format!("sleep of {by:?}"));
            self.clock.advance(by);
            self.model.sleep(by);
            self.last_jump = self.model.now;
        }
    }
}
