//! What the instance hears over the bus, as a snapshot that requests read.

use std::{sync::Arc, time::Duration};

use portcullis_core::clock::{Moment, UnixTime};
use portcullis_worker::{Death, State};

use super::feed::Feed;

/// Whether a bus delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushState {
    /// It has not delivered yet.
    Starting,
    /// It delivers.
    #[non_exhaustive]
    Delivers {
        /// Since when.
        since: UnixTime,
    },
    /// It does not deliver.
    #[non_exhaustive]
    Lost {
        /// Since when.
        since: UnixTime,
        /// Why.
        problem: Option<String>,
        /// What may be the cause if a subscription succeeded and delivered nothing.
        hint: Option<&'static str>,
    },
}

#[derive(Clone)]
pub(super) struct Push {
    /// The name of the bus.
    pub(super) bus: Arc<str>,
    /// When the last message arrived on the current subscription; `None` while there is none.
    pub(super) heard: Option<Moment>,
    /// Since when the bus delivers, or does not.
    pub(super) since: UnixTime,
    /// Why the subscription was lost.
    pub(super) problem: Option<String>,
    pub(super) hint: Option<&'static str>,
    /// The number of the first sync that has seen all changes which a lost message told of.
    pub(super) complete_from: u64,
    pub(super) is_lost: bool,
}

#[derive(Clone)]
pub(super) enum Event {
    Delivers,
    Lost,
}

impl Push {
    /// After this time without a message, of which there is one a second, the subscription is lost.
    pub(super) const SILENCE_LIMIT: Duration = Duration::from_secs(3);

    pub(super) fn new(bus: Arc<str>, since: UnixTime) -> Self {
        Self {
            bus,
            heard: None,
            since,
            problem: None,
            hint: None,
            complete_from: u64::MAX,
            is_lost: false,
        }
    }

    pub(super) fn delivers(&self, now: Moment) -> bool {
        (self.heard).is_some_and(|heard| now.duration_since(heard) <= Self::SILENCE_LIMIT)
    }

    /// Whether the instance has been told of every key.
    pub(super) fn hears(&self, feed: &Feed, now: Moment) -> bool {
        self.delivers(now) && feed.synced_number >= self.complete_from
    }

    pub(super) fn status(&self, now: Moment) -> PushState {
        let since = self.since;
        match (self.delivers(now), self.heard.is_some() || self.is_lost) {
            (true, _) => PushState::Delivers { since },
            (false, false) => PushState::Starting,
            (false, true) => PushState::Lost {
                since: self.heard.map_or(since, Moment::wall),
                problem: self.problem.clone(),
                hint: self.hint,
            },
        }
    }

    /// Notes that the subscription was lost.
    pub(super) fn lose(
        &mut self,
        problem: String,
        hint: Option<&'static str>,
        now: UnixTime,
    ) -> Option<Event> {
        let is_new = !self.is_lost || self.hint != hint;
        if !self.is_lost {
            self.since = now;
        }
        (self.heard, self.is_lost, self.complete_from) = (None, true, u64::MAX);
        (self.problem, self.hint) = (Some(problem), hint);
        is_new.then_some(Event::Lost)
    }
}

impl State for Push {
    type Event = Event;

    fn died(&mut self, _: Death) -> Event {
        let problem = "the task that listens to it stopped: restart the service".to_owned();
        let now = self.since;
        self.lose(problem, None, now);
        Event::Lost
    }

    fn log(&self, event: &Event) {
        let bus = &*self.bus;
        match event {
            Event::Delivers => {
                tracing::info!(bus, "bus delivers: changes of API keys take effect at once")
            }
            Event::Lost => tracing::warn!(
                bus,
                problem = self.problem,
                hint = self.hint,
                "bus does not deliver: changes of API keys take effect by polling, after about a second, and look-ups of unknown \
                 keys are limited"
            ),
        }
    }
}
