//! The state of a source, which the task publishes and callers read.

use std::{sync::Arc, time::Duration};

use portcullis_core::clock::{Moment, UnixTime};
use portcullis_worker::{Budget, BudgetRules, Death, State};

use super::TokenEvent;
use crate::{
    AccessToken, TokenError, error::end_of_task, failures::Failures, token_client::TokenClient,
};

/// Limits the token requests that rejected tokens cause: two, and one more for each 30 s.
pub(crate) const REJECTION_RULES: BudgetRules = BudgetRules::new(2, Duration::from_secs(30));

/// The status of a source at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenStatus {
    /// Whether there is a usable token.
    pub ready: bool,
    /// When the current token expires.
    pub expires_at: Option<UnixTime>,
    /// The number of failed token requests since the last success.
    pub failures: u32,
    /// The error of the last token request, or that the task ended; `None` if the request succeeded.
    pub last_error: Option<TokenError>,
    /// How long the backoff after a failure still lasts.
    pub retry_in: Option<Duration>,
    /// When the credential that the client last authenticated with expires, if known.
    pub credential_expires_at: Option<UnixTime>,
    /// What to fix about the credentials' files: [`ClientAuthentication::warnings`](crate::ClientAuthentication::warnings).
    pub credential_warnings: Vec<String>,
}

#[derive(Clone)]
pub(super) struct SourceState {
    pub(super) client: Arc<TokenClient>,
    pub(super) current: Option<AccessToken>,
    pub(super) failures: Failures,
    pub(super) credential_expires_at: Option<UnixTime>,
    pub(super) is_refresh_requested: bool,
    pub(super) is_shut_down: bool,
    pub(super) is_shut_down_announced: bool,
    pub(super) unrevoked: Vec<AccessToken>,
    rejection_budget: Budget,
    /// The expiry of a rejected token whose rejection is not announced yet.
    pub(super) unannounced_rejection: Option<UnixTime>,
}

impl SourceState {
    pub(super) fn new(client: Arc<TokenClient>) -> Self {
        Self {
            client,
            current: None,
            failures: Failures::default(),
            credential_expires_at: None,
            is_refresh_requested: false,
            is_shut_down: false,
            is_shut_down_announced: false,
            unrevoked: Vec::new(),
            rejection_budget: Budget::default(),
            unannounced_rejection: None,
        }
    }

    pub(super) fn is_backing_off(&self, now: Moment) -> bool {
        !self.failures.backoff.left(now).is_zero()
    }

    /// `None` without a usable token.
    pub(super) fn usable_until(&self, now: UnixTime) -> Option<UnixTime> {
        let lifetime = self.current.as_ref()?.lifetime();
        lifetime.is_usable(now).then_some(lifetime.usable_until)
    }

    pub(super) fn status(&self, now: Moment) -> TokenStatus {
        let Failures {
            backoff,
            last_error,
        } = &self.failures;
        TokenStatus {
            ready: !self.is_shut_down && self.usable_until(now.wall()).is_some(),
            expires_at: self.current.as_ref().map(AccessToken::expires_at),
            failures: backoff.failures(),
            last_error: last_error.clone(),
            retry_in: Some(backoff.left(now)).filter(|left| !left.is_zero()),
            credential_expires_at: self.credential_expires_at,
            credential_warnings: self.client.authentication.warnings(),
        }
    }

    pub(super) fn stopped_error(&self) -> TokenError {
        // Unless the source was shut down, its task has ended, and `died` has stored the cause.
        let end_of_task = self.failures.last_error.clone();
        (end_of_task.filter(|_| !self.is_shut_down))
            .unwrap_or_else(|| TokenError::stopped("the token source was shut down"))
    }

    pub(super) fn holds(&self, token: &AccessToken) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.ptr_eq(token))
    }

    /// Removes a rejected token if the budget allows. Returns whether the source no longer holds the token.
    pub(super) fn reject(&mut self, token: &AccessToken, now: Moment) -> bool {
        if !self.holds(token) {
            return true;
        }
        let budget = self.rejection_budget;
        let Some(left) = budget.take(&REJECTION_RULES, now.monotonic()) else {
            return false;
        };
        self.rejection_budget = left;
        self.current = None;
        self.unannounced_rejection = Some(token.expires_at());
        true
    }

    /// Moves the current token to `unrevoked`, and drops its expired tokens and the oldest beyond 16.
    pub(super) fn start_revocation(&mut self, now: UnixTime) {
        const MAX: usize = 16;

        self.unrevoked.extend(self.current.take());
        self.unrevoked.retain(|token| token.expires_at() > now);
        let excess = self.unrevoked.len().saturating_sub(MAX);
        self.unrevoked.drain(..excess);
    }
}

impl State for SourceState {
    type Event = TokenEvent;

    fn died(&mut self, death: Death) -> TokenEvent {
        let why = format!(
            "the token source has stopped because {}",
            end_of_task(death)
        );
        self.failures.last_error = Some(TokenError::stopped(why));
        TokenEvent::TaskEnded
    }

    fn log(&self, event: &TokenEvent) {
        event.log(&self.client, self.failures.last_error.as_ref());
    }
}
