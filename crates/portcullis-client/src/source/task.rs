//! The task that fetches tokens. It ends when the last source lets go of it.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use portcullis_core::{ScopeSet, UnixTime};
use tokio::{
    sync::{
        mpsc,
        oneshot::{self, error::TryRecvError},
        watch,
    },
    time::sleep,
};

use super::{TokenEvent, TokenStatus, shared::Shared};
use crate::{
    AccessToken, TokenError,
    lifetime::{Backoff, Failure, Lifetime, random_jitter},
};

/// Who wants a token fetched now.
pub(super) type Refresh = oneshot::Sender<Result<AccessToken, TokenError>>;

/// What there is to hand out.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) held: Option<Held>,
    /// Why the last attempt failed, if it did.
    pub(super) failure: Option<TokenError>,
    backoff: Backoff,
    obtained: u64,
    credential_expires_at: Option<UnixTime>,
}

/// The token at hand.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) token: AccessToken,
    pub(super) life: Lifetime,
}

impl State {
    /// The last error, while the server is left alone for it.
    pub(super) fn recent_error(&self, now: UnixTime) -> Option<TokenError> {
        let left = self.backoff.left(now)?;
        let error = self.failure.clone()?;
        Some(error.with_retry_after(Some(left)))
    }

    fn is_usable(&self, now: UnixTime) -> bool {
        self.held
            .as_ref()
            .is_some_and(|held| held.life.is_usable(now))
    }

    pub(super) fn holds(&self, token: &AccessToken) -> bool {
        self.held
            .as_ref()
            .is_some_and(|held| held.token.ptr_eq(token))
    }

    pub(super) fn status(&self, shared: &Shared) -> TokenStatus {
        let now = shared.client.clock().now();
        let life = self.held.as_ref().map(|held| held.life);
        TokenStatus {
            ready: !shared.has_shut_down() && self.is_usable(now),
            obtained_at: life.map(|life| life.obtained_at),
            refresh_at: life.map(|life| life.idle_refresh_at),
            expires_at: life.map(|life| life.expires_at),
            obtained: self.obtained,
            failures: self.backoff.failures(),
            last_error: self.failure.clone(),
            retry_in: self.backoff.left(now),
            credential_expires_at: self.credential_expires_at,
            credential_warnings: shared.client.client.warnings(),
        }
    }
}

/// How long the task sleeps at most before it looks at the clock again: that may be set, or the machine may sleep.
const LONGEST_NAP: Duration = Duration::from_secs(30);
/// How long beforehand the end of a credential is told.
const NOTICE: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) struct Task {
    shared: Arc<Shared>,
    refreshes: mpsc::UnboundedReceiver<Refresh>,
    ended: watch::Sender<u64>,
    /// Whether there is a token for calls, as far as was told.
    serves: bool,
    /// The scopes that the token before lacked.
    missing: ScopeSet,
    /// Whether the token before came without a type.
    is_untyped: bool,
}

/// What an attempt brought.
struct Obtained {
    held: Held,
    credential_expires_at: Option<UnixTime>,
    is_untyped: bool,
}

impl Task {
    pub(super) fn new(
        shared: Arc<Shared>,
        refreshes: mpsc::UnboundedReceiver<Refresh>,
        ended: watch::Sender<u64>,
    ) -> Self {
        Self {
            shared,
            refreshes,
            ended,
            serves: false,
            missing: ScopeSet::default(),
            is_untyped: false,
        }
    }

    /// Works until `stop` closes. Every wait is inside the select, a request too.
    pub(super) async fn run(mut self, stop: oneshot::Receiver<Infallible>) {
        let mut obituary = Obituary {
            shared: self.shared.clone(),
            stop,
        };
        tokio::select! {
            biased;
            _ = &mut obituary.stop => {}
            () = self.work() => {}
        }
    }

    /// Ends when nobody is left who could ask.
    async fn work(&mut self) {
        loop {
            let nap = self.nap();
            let mut refreshes = Vec::new();
            tokio::select! {
                refresh = self.refreshes.recv() => match refresh {
                    Some(refresh) => refreshes.push(refresh),
                    None => return,
                },
                () = self.shared.wake.notified() => {}
                () = sleep(nap) => {}
            }
            self.tell_rejection();
            // One request is for all who have asked by now, and for none who have left.
            while let Ok(refresh) = self.refreshes.try_recv() {
                refreshes.push(refresh);
            }
            refreshes.retain(|refresh| !refresh.is_closed());
            if !refreshes.is_empty() || self.has_reason() {
                let outcome = self.attempt().await;
                for refresh in refreshes {
                    let _ = refresh.send(outcome.clone());
                }
            }
            self.tell_lapse();
        }
    }

    /// Whether to ask the server: someone waits or the token is due, and the server need not be left alone. Nobody waits
    /// while it is, so what was asked meanwhile is done with; nor while there is a token, for which someone may have asked
    /// when it was just about to come.
    fn has_reason(&self) -> bool {
        let is_asked = self.shared.is_asked.swap(false, Ordering::AcqRel);
        let now = self.shared.client.clock().now();
        let state = self.shared.state.load();
        let life = state.held.as_ref().map(|held| held.life);
        let is_due = life.is_some_and(|life| match is_asked {
            true => life.is_due(now),
            false => life.is_due_idle(now),
        });
        let is_left_alone = state.backoff.left(now).is_some();
        let is_usable = state.is_usable(now);
        let has_reason = !is_left_alone && (is_due || is_asked && !is_usable);
        if is_asked && !has_reason {
            // Whoever waits for an attempt has their answer.
            self.told();
        }
        has_reason
    }

    /// Wakes those who wait for an attempt.
    fn told(&self) {
        self.ended
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Tells that a token was rejected: here, so that it is told after that there was one.
    fn tell_rejection(&self) {
        let rejected = self.shared.rejected().take();
        if let Some(expires_at) = rejected {
            self.shared.announce(TokenEvent::Rejected { expires_at });
        }
    }

    /// Tells, once, that the token has ended while the server is left alone. Where it is not, an attempt tells.
    fn tell_lapse(&mut self) {
        let now = self.shared.client.clock().now();
        let state = self.shared.state.load();
        if self.serves
            && !state.is_usable(now)
            && let Some(error) = state.recent_error(now)
        {
            self.serves = false;
            self.shared.announce(TokenEvent::Lapsed { error });
        }
    }

    /// How long there is nothing to do.
    fn nap(&self) -> Duration {
        // A clock that is read by its tick may lag a little behind the timer.
        const TICK: Duration = Duration::from_millis(10);

        let now = self.shared.client.clock().now();
        let state = self.shared.state.load();
        let left_alone = state.backoff.left(now);
        let life = state.held.as_ref().map(|held| held.life);
        let next = match (life, left_alone) {
            (None, _) => LONGEST_NAP,
            (Some(life), None) => life.idle_refresh_at.duration_since(now),
            (Some(life), Some(left)) => {
                let due = life.idle_refresh_at.duration_since(now).max(left);
                match self.serves {
                    true => due.min(life.usable_until.duration_since(now)),
                    false => due,
                }
            }
        };
        next.min(LONGEST_NAP).saturating_add(TICK)
    }

    /// Asks the server once, and tells everyone what came of it.
    async fn attempt(&mut self) -> Result<AccessToken, TokenError> {
        let asked_at = self.shared.client.clock().now();
        self.shared.is_attempting.store(true, Ordering::Release);
        let outcome = self.ask(asked_at).await;
        let (result, events) = match outcome {
            Ok(obtained) => {
                let token = obtained.held.token.clone();
                (Ok(token), self.obtained(obtained))
            }
            Err(error) => {
                let (error, event) = self.failed(asked_at, error);
                (Err(error), vec![event])
            }
        };
        // Whoever asked while this was under way has the answer now.
        self.shared.is_attempting.store(false, Ordering::Release);
        self.shared.is_asked.store(false, Ordering::Release);
        self.told();
        for event in events {
            self.shared.announce(event);
        }
        result
    }

    async fn ask(&self, asked_at: UnixTime) -> Result<Obtained, TokenError> {
        let client = &self.shared.client;
        let form = client.request.form("client_credentials");
        let (answer, response) = client.fetch(&form).await?;
        let life = Lifetime::new(asked_at, response.lifetime, random_jitter());
        if !life.is_usable(client.clock().now()) {
            return Err(TokenError::arrived_expired());
        }
        let is_untyped = response.is_untyped;
        let source = Arc::downgrade(&self.shared);
        let token = AccessToken::new(response, client.binding.clone(), source, life.expires_at);
        Ok(Obtained {
            held: Held { token, life },
            credential_expires_at: answer.credential_expires_at(),
            is_untyped,
        })
    }

    fn obtained(&mut self, obtained: Obtained) -> Vec<TokenEvent> {
        let Obtained {
            held,
            credential_expires_at,
            is_untyped,
        } = obtained;
        let expires_at = held.life.expires_at;
        let missing = without(&self.shared.client.request.scopes, held.token.scopes());
        self.serves = true;
        let before = self.shared.update(|state| {
            *state = State {
                held: Some(held.clone()),
                failure: None,
                backoff: Backoff::default(),
                obtained: state.obtained + 1,
                credential_expires_at,
            };
        });
        let failures = before.backoff.failures();
        let mut events = vec![TokenEvent::Obtained { expires_at }];
        if failures > 0 {
            events.push(TokenEvent::Recovered { failures });
        }
        if missing != self.missing {
            self.missing = missing.clone();
            events.push(TokenEvent::Narrowed { missing });
        }
        if is_untyped && !self.is_untyped {
            events.push(TokenEvent::Untyped);
        }
        self.is_untyped = is_untyped;
        let soon = self.shared.client.clock().now().saturating_add(NOTICE);
        if let Some(at) = credential_expires_at.filter(|at| *at < soon) {
            events.push(TokenEvent::CredentialExpires { at });
        }
        events
    }

    /// Notes a failure, and until when the server is left alone for it.
    fn failed(&mut self, asked_at: UnixTime, error: TokenError) -> (TokenError, TokenEvent) {
        let now = self.shared.client.clock().now();
        let (retry_after, jitter) = (error.retry_after(), random_jitter());
        // A token may be rejected meanwhile, which is not to be undone.
        self.shared.update(|state| {
            let life = state.held.as_ref().map(|held| held.life);
            let failure = Failure {
                started_at: asked_at,
                failed_at: now,
                retry_after,
                usable_until: life
                    .filter(|life| life.is_usable(now))
                    .map(|life| life.usable_until),
            };
            state.backoff = state.backoff.failed(failure, jitter);
            let left = state.backoff.left(now);
            state.failure = Some(error.clone().with_retry_after(left));
        });
        let state = self.shared.state.load();
        let error = state.failure.clone().unwrap_or(error);
        let life = state.held.as_ref().map(|held| held.life);
        let serves_until = life
            .filter(|life| life.is_usable(now))
            .map(|life| life.usable_until);
        self.serves = serves_until.is_some();
        let event = TokenEvent::Failed {
            error: error.clone(),
            failures: state.backoff.failures(),
            serves_until,
        };
        (error, event)
    }
}

/// Tells everyone when the task ends though its source is still held: it panicked, or its runtime has ended.
struct Obituary {
    shared: Arc<Shared>,
    stop: oneshot::Receiver<Infallible>,
}

impl Drop for Obituary {
    fn drop(&mut self) {
        // A program that ends drops its sources and then its runtime, in which this may never be polled again.
        if matches!(self.stop.try_recv(), Err(TryRecvError::Closed)) {
            return;
        }
        let stopped = TokenError::stopped();
        self.shared
            .update(|state| state.failure = Some(stopped.clone()));
        if thread::panicking() {
            // Of whoever listens to the log, perhaps. A second panic would end the program.
            let _ = self.shared.events.send(TokenEvent::Stopped);
        } else {
            self.shared.announce(TokenEvent::Stopped);
        }
    }
}

/// Those of `scopes` that are not among `granted`.
fn without(scopes: &ScopeSet, granted: &ScopeSet) -> ScopeSet {
    ScopeSet::from_tokens(scopes.iter().filter(|scope| !granted.contains(scope)))
}
