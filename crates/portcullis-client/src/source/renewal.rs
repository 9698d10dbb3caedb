//! The background task that fetches and renews the token.

use std::{convert::Infallible, mem, sync::Arc, time::Duration};

use portcullis_core::{
    ScopeSet,
    clock::{Deadline, Moment, UnixTime},
};
use portcullis_worker::{Jitter, Task};

use super::{TokenEvent, state::SourceState};
use crate::{
    TokenError,
    lifetime::Lifetime,
    token::{AccessToken, WeakSource},
    token_client::TokenClient,
};

/// If the client's credential expires within this time, each fetch announces `CredentialExpires`.
const EXPIRY_NOTICE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A token, and when the credential of the client expires.
type Fetched = (AccessToken, Option<UnixTime>);

pub(super) struct Renewal {
    pub(super) task: Task<SourceState>,
    pub(super) client: Arc<TokenClient>,
    pub(super) source: WeakSource,
    pub(super) reported: Reported,
}

/// What the last events said, so that only changes are announced.
#[derive(Default)]
pub(super) struct Reported {
    /// Whether there was a usable token at the last `Obtained`, `Failed` or `Lapsed` event.
    has_token: bool,
    missing_scopes: ScopeSet,
    is_untyped: bool,
}

impl Renewal {
    pub(super) async fn run(mut self) -> Infallible {
        loop {
            self.task.pause(self.next_check()).await;
            self.announce_rejection();
            if self.should_fetch() {
                self.fetch_and_publish().await;
            } else if self.task.is_run_requested() {
                // Nothing to fetch: the empty run wakes the callers, who find the token or the error of the backoff.
                self.task.begin_run();
                self.task.end_run();
            }
            self.announce_lapse();
        }
    }

    fn should_fetch(&self) -> bool {
        let (now, state) = (self.task.now(), self.task.state());
        if state.is_refresh_requested {
            return true;
        }
        if state.is_backing_off(now) {
            return false;
        }
        let has_caller = self.task.is_run_requested();
        match &state.current {
            None => has_caller,
            Some(current) if has_caller => current.lifetime().is_due(now.wall()),
            Some(current) => current.lifetime().is_due_idle(now.wall()),
        }
    }

    /// The next time for a renewal or an event, even without a caller.
    fn next_check(&self) -> Deadline {
        let (now, state) = (self.task.now(), self.task.state());
        let Some(lifetime) = state.current.as_ref().map(AccessToken::lifetime) else {
            return Deadline::after(now, Duration::MAX);
        };
        let wall = now.wall();
        let backoff = state.failures.backoff.left(now);
        let mut wait = lifetime.idle_refresh_at.duration_since(wall).max(backoff);
        if !backoff.is_zero() && self.reported.has_token {
            // For `announce_lapse`.
            wait = wait.min(lifetime.usable_until.duration_since(wall));
        }
        Deadline::after(now, wait)
    }

    async fn fetch_and_publish(&mut self) {
        // Cleared before the run begins: this fetch serves the calls of `refresh` so far, and a later call causes another.
        self.task.update(|state| state.is_refresh_requested = false);
        self.task.begin_run();
        let started = self.task.now();
        let events = match self.fetch(started.wall()).await {
            Ok(fetched) => self.publish(fetched),
            Err(error) => self.publish_failure(started, error),
        };
        // The run ends before the events: a log that panics must not fail the callers.
        self.task.end_run();
        for event in events {
            self.task.announce(event);
        }
    }

    async fn fetch(&self, started_at: UnixTime) -> Result<Fetched, TokenError> {
        let client = &self.client;
        let form = client.request.form("client_credentials");
        let (answer, response) = client.fetch(&form).await?;
        let lifetime = Lifetime::new(started_at, response.lifetime, Jitter::random());
        if !lifetime.is_usable(client.clock().now()) {
            return Err(TokenError::arrived_expired());
        }
        let (client, source) = (client.clone(), Some(self.source.clone()));
        let token = AccessToken::new(response, client, source, lifetime);
        Ok((token, answer.credential_expires_at))
    }

    fn publish(&mut self, (token, credential_expires_at): Fetched) -> Vec<TokenEvent> {
        let mut failures = 0;
        self.task.update(|state| {
            failures = mem::take(&mut state.failures).backoff.failures();
            state.current = Some(token.clone());
            state.credential_expires_at = credential_expires_at;
        });
        let expires_at = token.expires_at();
        let mut events = vec![TokenEvent::Obtained { expires_at }];
        if failures > 0 {
            events.push(TokenEvent::Recovered { failures });
        }
        let (requested, granted) = (&self.client.request.scopes, token.scopes());
        let missing = requested.iter().filter(|scope| !granted.contains(scope));
        let missing = ScopeSet::from_tokens(missing);
        if missing != self.reported.missing_scopes {
            self.reported.missing_scopes = missing.clone();
            events.push(TokenEvent::MissingScopesChanged { missing });
        }
        if token.is_untyped() && !self.reported.is_untyped {
            events.push(TokenEvent::Untyped);
        }
        self.reported.is_untyped = token.is_untyped();
        self.reported.has_token = true;
        let soon = self.client.clock().now().saturating_add(EXPIRY_NOTICE);
        if let Some(at) = credential_expires_at.filter(|at| *at < soon) {
            events.push(TokenEvent::CredentialExpires { at });
        }
        events
    }

    fn publish_failure(&mut self, started: Moment, error: TokenError) -> Vec<TokenEvent> {
        let now = self.task.now();
        self.task.update(|state| {
            // A service may have rejected the token during the token request.
            let usable_until = state.usable_until(now.wall()).unwrap_or_default();
            let usable_for = usable_until.duration_since(now.wall());
            state.failures.record(&error, started, now, usable_for);
        });
        let state = self.task.state();
        let usable_until = state.usable_until(now.wall());
        self.reported.has_token = usable_until.is_some();
        vec![TokenEvent::Failed {
            error: state.failures.last_error.clone().unwrap_or(error),
            failures: state.failures.backoff.failures(),
            usable_until,
        }]
    }

    /// The task announces a rejection, not the caller, so that the event comes after the token's `Obtained`.
    fn announce_rejection(&self) {
        if let Some(expires_at) = self.task.state().unannounced_rejection {
            self.task.update(|state| state.unannounced_rejection = None);
            self.task.announce(TokenEvent::Rejected { expires_at });
        }
    }

    /// Announces once, during a backoff, that no usable token is left. Without a backoff, the event of the
    /// next token request (`Obtained` or `Failed`) says it.
    fn announce_lapse(&mut self) {
        let (now, state) = (self.task.now(), self.task.state());
        if self.reported.has_token
            && state.usable_until(now.wall()).is_none()
            && let Some(error) = state.failures.error_during_backoff(now)
        {
            self.reported.has_token = false;
            self.task.announce(TokenEvent::Lapsed { error });
        }
    }
}
