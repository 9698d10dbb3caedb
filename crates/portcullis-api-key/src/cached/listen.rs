//! The task that listens to the bus.

use std::{convert::Infallible, sync::Arc, time::Duration};

use portcullis_worker::{Backoff, BackoffRules, Jitter, Task, Worker};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    feed::Feed,
    push::{Event, Push},
    shared::Shared,
};
use crate::{
    source::{Bus, BusMessage, Subscription},
    store::StoreError,
};

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
const SUBSCRIBE_LIMIT: Duration = Duration::from_secs(5);
const PUBLISH_LIMIT: Duration = Duration::from_secs(1);
const BACKOFF: BackoffRules = BackoffRules {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    longest_retry_after: Duration::ZERO,
};

pub(super) struct Listener {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) shared: Arc<Shared>,
    pub(super) sync: Worker<Feed>,
}

/// Why a subscription ended.
struct Lost {
    problem: String,
    has_subscribed: bool,
    has_heard: bool,
}

/// Subscribes, and again whenever the subscription is lost.
pub(super) async fn run(task: Task<Push>, listener: Listener) -> Infallible {
    let mut backoff = Backoff::new(BACKOFF);
    loop {
        let lost = listener.subscribe(&task).await;
        let is_silent = lost.has_subscribed && !lost.has_heard;
        let hint = (listener.bus.silence_hint()).filter(|_| is_silent);
        let now = listener.sync.now();
        let mut event = None;
        task.update(|push| event = push.lose(lost.problem.clone(), hint, now.wall()));
        if let Some(event) = event {
            task.announce(event);
        }
        if lost.has_heard {
            backoff.succeeded();
        }
        let wait = backoff.next_wait(Jitter::random());
        backoff.failed(now, wait, None);
        sleep(wait).await;
    }
}

impl Listener {
    async fn subscribe(&self, task: &Task<Push>) -> Lost {
        let mut lost = Lost {
            problem: String::new(),
            has_subscribed: false,
            has_heard: false,
        };
        let too_slow = || StoreError::new(format!("no subscription within {SUBSCRIBE_LIMIT:?}"));
        let subscribed = timeout(SUBSCRIBE_LIMIT, self.bus.subscribe()).await;
        let error = match subscribed.unwrap_or_else(|_| Err(too_slow())) {
            Ok(subscription) => {
                lost.has_subscribed = true;
                self.listen(task, subscription, &mut lost.has_heard).await
            }
            Err(error) => error,
        };
        lost.problem = error.to_string();
        lost
    }

    /// Listens until the subscription is lost.
    async fn listen(
        &self,
        task: &Task<Push>,
        mut subscription: Box<dyn Subscription>,
        has_heard: &mut bool,
    ) -> StoreError {
        // Changes from before the subscription are read by a sync that begins now.
        self.sync_from_now_on(task);
        let mut heard = Instant::now();
        let mut next_beat = heard;
        loop {
            tokio::select! {
                biased;
                message = subscription.next() => {
                    match message {
                        Ok(message) => self.hear(task, message),
                        Err(error) => return error,
                    }
                    *has_heard = true;
                    heard = Instant::now();
                    // Spread, so that the instances do not all send at once.
                    next_beat = heard + Jitter::random().spread(HEARTBEAT_INTERVAL);
                }
                () = sleep_until(next_beat.min(heard + Push::SILENCE_LIMIT)) => {
                    if heard.elapsed() >= Push::SILENCE_LIMIT {
                        return StoreError::new(format!(
                            "no message for {:?}, although every instance sends one a second",
                            Push::SILENCE_LIMIT
                        ));
                    }
                    // A failure shows as silence.
                    let beat = self.bus.publish(BusMessage::Heartbeat);
                    let _ = timeout(PUBLISH_LIMIT, beat).await;
                    next_beat = Instant::now() + HEARTBEAT_INTERVAL;
                }
            }
        }
    }

    fn hear(&self, task: &Task<Push>, message: BusMessage) {
        let now = self.sync.now();
        let was_silent = task.state().heard.is_none();
        task.update(|push| {
            if was_silent {
                (push.since, push.is_lost) = (now.wall(), false);
                (push.problem, push.hint) = (None, None);
            }
            push.heard = Some(now);
        });
        if was_silent {
            task.announce(Event::Delivers);
        }
        if let BusMessage::Changed(revision) = message
            && revision > self.sync.state().position.revision
        {
            self.sync_from_now_on(task);
        }
    }

    fn sync_from_now_on(&self, task: &Task<Push>) {
        let number = self.shared.next_sync();
        task.update(|push| push.complete_from = number);
        let _ = self.sync.request_next_run();
    }
}
