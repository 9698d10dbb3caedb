//! A token by client credentials, renewed in the background.

mod event;
mod renewal;
mod state;

use std::{
    fmt, mem,
    sync::{Arc, Weak},
    time::Duration,
};

use portcullis_core::ConfigError;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication, ClientSecrets};
use portcullis_worker::{Worker, current_runtime};
use tokio::{sync::broadcast, time::sleep};

pub(crate) use self::state::REJECTION_RULES;
pub use self::{event::TokenEvent, state::TokenStatus};
use self::{
    renewal::{Renewal, Reported},
    state::SourceState,
};
use crate::{
    AccessToken, TokenError,
    token::RejectToken,
    token_client::{TokenClient, configure, request_setters},
};

/// An access token by OAuth 2.0 client credentials (RFC 6749 §4.4), renewed by a background task.
///
/// The token is fetched when it is first needed. Concurrent callers share one token request, which continues when they
/// leave. The task renews the token at 80 % of its lifetime, but without callers no sooner than 5 s after the previous
/// token request. During an outage the current token remains in use. It is not handed out in the last 30 s of its
/// lifetime, or the last tenth if that is less. Dropping the last clone stops the task.
///
/// ```no_run
/// use portcullis_client::{ClientSecrets, TokenSource};
///
/// # async fn example() -> Result<portcullis_client::AccessToken, Box<dyn std::error::Error>> {
/// let secret = ClientSecrets::file("/run/secrets/billing"); // read again for each token request
/// let source = TokenSource::client_credentials("https://issuer.example.com", "billing", secret)
///     .scopes(["orders:read"])
///     .build()?;
/// let token = source.token().await?;
/// # Ok(token)
/// # }
/// ```
#[derive(Clone)]
pub struct TokenSource(Arc<SourceInner>);

struct SourceInner {
    worker: Worker<SourceState>,
    client: Arc<TokenClient>,
}

impl TokenSource {
    /// Configures a source for the usual case: the client id and secret are sent by HTTP Basic authentication (RFC 6749
    /// §2.3.1) to the token endpoint that the issuer's metadata names.
    pub fn client_credentials(
        issuer_url: impl Into<String>,
        client_id: impl Into<String>,
        secret: impl Into<ClientSecrets>,
    ) -> TokenSourceBuilder {
        let server = AuthorizationServer::discover(issuer_url).build();
        let authentication = ClientAuthentication::secret_basic(client_id, secret);
        let client = server.map(|server| TokenClient::new(server, authentication));
        TokenSourceBuilder { client }
    }

    /// Configures a source of tokens from `server` for the client that `authentication` names.
    pub fn builder(
        server: &AuthorizationServer,
        authentication: ClientAuthentication,
    ) -> TokenSourceBuilder {
        let client = Ok(TokenClient::new(server.clone(), authentication));
        TokenSourceBuilder { client }
    }

    /// Returns the current token if it is usable, without waiting. Asks the task for a token if one is due.
    #[must_use]
    #[inline]
    pub fn current(&self) -> Option<AccessToken> {
        let SourceInner { worker, client } = &*self.0;
        let state = worker.state();
        if state.is_shut_down {
            return None;
        }
        let Some(current) = &state.current else {
            self.request_token(&state);
            return None;
        };
        let now = client.clock().now();
        // A token that is not due is usable: see `Lifetime::new`.
        if current.lifetime().is_due(now) {
            self.request_token(&state);
            return Some(current.clone()).filter(|token| token.lifetime().is_usable(now));
        }
        Some(current.clone())
    }

    /// Makes the task fetch a token if it is neither busy nor backing off.
    #[cold]
    fn request_token(&self, state: &SourceState) {
        let worker = &self.0.worker;
        if !worker.is_busy() && !state.is_backing_off(worker.now()) {
            worker.request_or_join_run();
        }
    }

    /// Returns the token: the current one if it is usable, or else the next one.
    ///
    /// After a failure the source backs off: 1 s, doubled by each failure, at most 60 s (5 s without a usable token). Up to
    /// half is taken off at random. A longer `Retry-After` counts, up to 5 min. During the backoff, callers without a usable
    /// token get the last error at once, unless a token request is in flight.
    ///
    /// # Errors
    ///
    /// When no token could be obtained.
    pub async fn token(&self) -> Result<AccessToken, TokenError> {
        let worker = &self.0.worker;
        loop {
            if worker.state().is_shut_down {
                return Err(worker.state().stopped_error());
            }
            if let Some(token) = self.current() {
                return Ok(token);
            }
            if !worker.is_busy()
                && let Some(error) = worker.state().failures.error_during_backoff(worker.now())
            {
                return Err(error);
            }
            // Joins the run that `current` asked for. If that run has just ended, the task answers with a run that
            // fetches nothing: see `Renewal::run`.
            let outcome = worker.wait_until_ended(worker.request_or_join_run()).await;
            outcome.map_err(|_| worker.state().stopped_error())?;
        }
    }

    /// Fetches a new token now, regardless of the schedule and of a backoff, and returns it. For operators and rare events.
    /// Callers that arrive before a token request starts share it. Dropping the future does not cancel the token request.
    ///
    /// # Errors
    ///
    /// When no token could be obtained. The current one remains in use.
    pub async fn refresh(&self) -> Result<AccessToken, TokenError> {
        let worker = &self.0.worker;
        worker.update(|state| state.is_refresh_requested = true);
        let outcome = worker.run_once().await;
        outcome.map_err(|_| worker.state().stopped_error())?;
        let error = worker.state().failures.last_error.clone();
        match error {
            Some(error) => Err(error),
            None => self.token().await,
        }
    }

    /// Reports that a service rejected this token (401 `invalid_token`, RFC 6750 §3.1). Returns true if the source no longer
    /// hands the token out, so that another can be asked for. The layers call this.
    ///
    /// Two rejections in a row are accepted, and one more for each 30 s. A further rejection returns `false`, and the token
    /// stays in use.
    #[must_use]
    pub fn reject(&self, token: &AccessToken) -> bool {
        self.0.reject(token)
    }

    /// Revokes the current token (RFC 7009), and those that an earlier call failed to revoke. The next caller gets a new
    /// token. Older tokens, which a renewal replaced or a service rejected, are left to expire.
    ///
    /// # Errors
    ///
    /// When the server did not confirm a revocation. The token may still be valid (RFC 7009 §2.2.1): call this again,
    /// after [`retry_after`](TokenError::retry_after) if that is given.
    pub async fn revoke(&self) -> Result<(), TokenError> {
        let SourceInner { worker, client } = &*self.0;
        let now = client.clock().now();
        worker.update(|state| state.start_revocation(now));
        let tokens = worker.state().unrevoked.clone();
        // A failed revocation must not prevent the others.
        let mut outcome = Ok(());
        for token in tokens {
            match client.revoke(token.expose()).await {
                Ok(()) => {
                    worker.update(|state| state.unrevoked.retain(|other| !other.ptr_eq(&token)));
                    worker.announce(TokenEvent::Revoked);
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Shuts down the source for good and revokes the current token. A token request in flight is cancelled; a token
    /// that the server issues in answer to it is left to expire.
    ///
    /// # Panics
    ///
    /// When called outside a runtime with a timer while the task still runs.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke). The source has stopped nevertheless, and another call tries the revocation again.
    pub async fn shut_down(&self) -> Result<(), TokenError> {
        const MAX_WAIT: Duration = Duration::from_secs(1);

        let worker = &self.0.worker;
        worker.update(|state| state.is_shut_down = true);
        // Waits for the end of the task, so that a token that it has just published is revoked below. The timer is the
        // caller's: perhaps nothing drives the worker's runtime, whose timer `Worker::within` uses.
        tokio::select! {
            biased;
            () = worker.stop() => {}
            // In `async`, so that no timer is needed if the task has already ended.
            () = async { sleep(MAX_WAIT).await } => {}
        }
        // Announced once, by the first call that comes to this point, and after the events of the task.
        let mut was_announced = false;
        worker.update(|state| {
            was_announced = mem::replace(&mut state.is_shut_down_announced, true);
        });
        if !was_announced {
            worker.announce(TokenEvent::ShutDown);
        }
        self.revoke().await
    }

    /// Whether the source has stopped: it was shut down, its runtime ended, or its task panicked.
    pub fn is_stopped(&self) -> bool {
        self.0.worker.state().is_shut_down || self.0.worker.is_stopped()
    }

    /// The status of the source.
    pub fn status(&self) -> TokenStatus {
        self.0.worker.state().status(self.0.worker.now())
    }

    /// Subscribes to events. A receiver that lags more than 64 events behind misses the oldest.
    pub fn events(&self) -> broadcast::Receiver<TokenEvent> {
        self.0.worker.events()
    }
}

/// Configures a [`TokenSource`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the source"]
pub struct TokenSourceBuilder {
    client: Result<TokenClient, ConfigError>,
}

impl TokenSourceBuilder {
    request_setters!();

    /// Builds the source and starts its task. The first token is fetched when it is first needed.
    ///
    /// # Errors
    ///
    /// When a setting is invalid, or outside a tokio runtime. The runtime must have its time and IO drivers enabled,
    /// which cannot be checked here.
    pub fn build(self) -> Result<TokenSource, ConfigError> {
        let runtime = current_runtime("TokenSourceBuilder::build")?;
        let client = self.client?.check()?;
        let state = SourceState::new(client.clone());
        let (worker, task) = Worker::new(state, client.clock().clone(), runtime);
        let inner = Arc::new_cyclic(|source: &Weak<SourceInner>| {
            task.spawn(|task| {
                let renewal = Renewal {
                    task,
                    client: client.clone(),
                    source: source.clone(),
                    reported: Reported::default(),
                };
                renewal.run()
            });
            SourceInner { worker, client }
        });
        Ok(TokenSource(inner))
    }
}

impl RejectToken for SourceInner {
    fn reject(&self, token: &AccessToken) -> bool {
        let worker = &self.worker;
        // `SourceState::reject` checks this too. Checked here, the late rejection of an old token publishes no state.
        if !worker.state().holds(token) {
            return true;
        }
        let (now, mut is_gone) = (worker.now(), true);
        worker.update(|state| is_gone = state.reject(token, now));
        worker.wake();
        is_gone
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenSource").field(&self.0.client).finish()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, TestIssuer};

    use super::*;

    /// A caller that saw no token asks for one after another caller has obtained it.
    #[tokio::test]
    async fn late_request_for_a_token_causes_no_fetch() {
        let issuer = TestIssuer::builder().start().await.expect("an issuer");
        let (id, secret) = (DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET);
        let source = TokenSource::client_credentials(issuer.url(), id, secret);
        let source = source.build().expect("a source");
        source.token().await.expect("a token");
        let worker = &source.0.worker;
        let run = worker.request_or_join_run();
        worker.wait_until_ended(run).await.expect("the task runs");
        source.refresh().await.expect("another token");
        assert_eq!(issuer.requests(Endpoint::Token), 2);
    }
}
