//! Where the task posts what others may look at.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use tokio::{sync::broadcast, time::Instant};

use crate::{IssuerEvent, status::Progress};

/// The progress of one issuer's task, and its events.
pub(crate) struct Board {
    pub(crate) issuer: Arc<str>,
    pub(crate) progress: ArcSwap<Progress>,
    events: broadcast::Sender<IssuerEvent>,
}

impl Board {
    /// How many events a receiver may lag behind before it misses the oldest.
    const EVENTS: usize = 64;

    pub(crate) fn new(issuer: Arc<str>, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            issuer,
            progress: ArcSwap::from_pointee(Progress::new(now)),
            events: broadcast::Sender::new(Self::EVENTS),
        })
    }

    /// Logs an event, and tells whoever listens.
    pub(crate) fn announce(&self, event: IssuerEvent) {
        event.log(&self.issuer);
        // Nobody needs to listen.
        let _ = self.events.send(event);
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<IssuerEvent> {
        self.events.subscribe()
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board")
            .field("issuer", &self.issuer)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
