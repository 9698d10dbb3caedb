//! What the task does beside fetching: it watches the clocks and the age of the keys.

use std::time::Duration;

use super::RefreshTask;
use crate::{ClockOffset, IssuerEvent};

/// How often the clocks are compared. A jump goes unnoticed for as long.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// A jump forward by this much may be a machine that slept: its keys are older than the monotonic clock says.
const SLEEP: Duration = Duration::from_secs(60);

impl RefreshTask {
    /// When there is something to do beside fetching.
    pub(super) fn next_chores(&self) -> Duration {
        let now = self.now();
        match self.parts.schedule.stale_in(now) {
            Some(left) if !self.is_stale => self.next_look.min(now.saturating_add(left)),
            _ => self.next_look,
        }
    }

    /// Does what is due of it.
    pub(super) fn do_chores(&mut self) {
        let now = self.now();
        if now >= self.next_look {
            self.next_look = now + LOOK_INTERVAL;
            self.look_at_clocks();
        }
        if !self.is_stale
            && self
                .parts
                .schedule
                .stale_in(now)
                .is_some_and(|left| left.is_zero())
        {
            self.is_stale = true;
            // Whoever is told finds that no verifier decides by them, whatever the wall clock says.
            self.rebase();
            self.announce(IssuerEvent::Stale);
        }
    }

    /// Moves the limits of the set at hand along if the wall clock was set back. If it jumped ahead, the machine may have
    /// slept: the set is then as old as the wall clock says, and a newer one is fetched at once.
    pub(super) fn look_at_clocks(&mut self) {
        let now = self.now();
        let Some(jump) = self.clock_watch.look(self.parts.clock.now(), now) else {
            return;
        };
        self.announce(IssuerEvent::ClockJumped { clock: jump });
        if let ClockOffset::Ahead(by) = jump
            && by >= SLEEP
        {
            self.parts.schedule.slept(by);
            self.parts.schedule.hurry(now);
            self.post(|_| {});
        }
        self.rebase();
    }

    /// Writes the limits of the set at hand anew, on the wall clock as it is now; and where nothing is left, that no wall
    /// clock counts any more: one that is set back by a little is not told from one that is imprecise.
    pub(super) fn rebase(&mut self) {
        let Some(left) = self.parts.schedule.stale_in(self.now()) else {
            return;
        };
        let (loaded_at, stale_at) = self.limits();
        let publisher = &mut self.parts.publisher;
        if left.is_zero() {
            publisher.expire(loaded_at, stale_at);
        } else {
            publisher.rebase(loaded_at, stale_at);
        }
    }
}
