//! One token, kept fresh.

mod builder;
mod shared;
mod status;
mod task;

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use portcullis_oauth::{AuthorizationServer, ClientAuthentication, ClientSecrets};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::timeout,
};

pub(crate) use self::shared::Shared;
use self::task::Refresh;
pub use self::{
    builder::TokenSourceBuilder,
    status::{TokenEvent, TokenStatus},
};
use crate::{AccessToken, TokenError};

/// A token by OAuth 2.0 client credentials (RFC 6749 §4.4), and the task that keeps it fresh.
///
/// The token is fetched when it is first asked for, once, however many wait for it, and whoever of them leaves. From
/// then on it is renewed in the background at 80 % of its lifetime, but at most every 5 s while nobody asks for it. While
/// the server cannot be asked the token at hand serves; in its last moments (30 s, or a tenth of its lifetime if that is
/// less) it does not, as it might expire on its way.
///
/// Every clone keeps the task alive; when the last is dropped it stops. The task is on the runtime that
/// [`build`](TokenSourceBuilder::build) was called on.
///
/// ```no_run
/// use portcullis_client::{AuthorizationServer, ClientAuthentication, ClientSecrets, TokenSource};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let server = AuthorizationServer::discover("https://issuer.example.com").build()?;
/// let secrets = ClientSecrets::file("/run/secrets/billing"); // read anew for each token
/// let source = TokenSource::builder(&server, ClientAuthentication::secret_basic("billing", secrets))
///     .scopes(["orders:read"])
///     .resource("https://orders.example.com")
///     .build()?;
/// let token = source.token().await?;
/// # drop(token);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenSource(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    refreshes: mpsc::UnboundedSender<Refresh>,
    /// Closed when this is dropped, which ends the task, in the middle of a request if need be.
    stop: Mutex<Option<oneshot::Sender<Infallible>>>,
}

impl TokenSource {
    /// How long a shut-down waits for the task to end, which takes it no time.
    const LONGEST_END: Duration = Duration::from_secs(1);

    /// Configures a source for the usual case: client credentials with a secret, sent by HTTP Basic authentication
    /// (RFC 6749 §2.3.1), at the token endpoint that the metadata of `issuer_url` names. An invalid `issuer_url` is
    /// reported by [`build`](TokenSourceBuilder::build).
    pub fn client_credentials(
        issuer_url: impl Into<String>,
        client_id: impl Into<String>,
        secret: impl Into<ClientSecrets>,
    ) -> TokenSourceBuilder {
        let server = AuthorizationServer::discover(issuer_url).build();
        let client = ClientAuthentication::secret_basic(client_id, secret);
        TokenSourceBuilder::new(server, client)
    }

    /// Configures a source of tokens from `server` for `client`.
    pub fn builder(
        server: &AuthorizationServer,
        client: ClientAuthentication,
    ) -> TokenSourceBuilder {
        TokenSourceBuilder::new(Ok(server.clone()), client)
    }

    /// The token, if one is at hand that may be sent now. Never waits; if there is none, or the one there is is due to be
    /// renewed, the task is told.
    #[must_use]
    #[inline]
    pub fn current(&self) -> Option<AccessToken> {
        let shared = &*self.0.shared;
        shared.current(&shared.state.load()).cloned()
    }

    /// The token: at once if one is at hand, otherwise when it was fetched.
    ///
    /// All who wait share one request, which goes on when they leave. After a failure the server is left alone for a
    /// while: 1 s, doubled up to 60 s, and up to 5 s while there is no token; at random up to half of it less; or what it
    /// asks for, up to 5 min. Callers get the last error at once then, unless a request is under way: they wait for that.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn token(&self) -> Result<AccessToken, TokenError> {
        let shared = &*self.0.shared;
        loop {
            if shared.has_shut_down() {
                return Err(TokenError::stopped());
            }
            if let Some(token) = self.current() {
                return Ok(token);
            }
            let mut attempts = shared.attempts.clone();
            attempts.mark_unchanged();
            // Once more: an attempt may have ended before this began to listen for it.
            if let Some(token) = self.current() {
                return Ok(token);
            }
            // Read behind `mark_unchanged`: the end of an attempt that is seen here is not missed below.
            if !shared.is_attempting.load(Ordering::Acquire)
                && let Some(error) = shared
                    .state
                    .load()
                    .recent_error(shared.client.clock().now())
            {
                return Err(error);
            }
            shared.ask();
            attempts
                .changed()
                .await
                .map_err(|_| TokenError::stopped())?;
        }
    }

    /// Fetches a new token now, whatever the schedule says, and returns it. It does not wait out a backoff: for people, and
    /// for what happens rarely. All who ask before a request has begun share it. Dropping the future does not stop it.
    ///
    /// # Errors
    ///
    /// Why there is none. One that is at hand keeps serving.
    pub async fn refresh(&self) -> Result<AccessToken, TokenError> {
        let (reply, answer) = oneshot::channel();
        self.0
            .refreshes
            .send(reply)
            .map_err(|_| TokenError::stopped())?;
        let answer = answer.await.map_err(|_| TokenError::stopped())?;
        // It may have waited here while the source was shut down and its token revoked.
        if self.0.shared.has_shut_down() {
            return Err(TokenError::stopped());
        }
        answer
    }

    /// Says that a service did not accept this token (401 `invalid_token`, RFC 6750 §3.1), and tells whether it is worth
    /// asking for another: then it is handed out no more.
    ///
    /// It is not when that has happened twice, and once more for each 30 s since: a service that refuses every token must
    /// not have the authorization server asked for one each time. The layers call this.
    #[must_use]
    pub fn reject(&self, token: &AccessToken) -> bool {
        self.0.shared.reject(token)
    }

    /// Revokes the token at hand (RFC 7009), if there is one, and any that an earlier call could not. From this call on it is
    /// handed out no more; the next one fetches another. Those that were renewed or rejected before are left to expire.
    ///
    /// # Errors
    ///
    /// When the server did not confirm it: the token may then still be valid (RFC 7009 §2.2.1), and one should call this
    /// again, after [`retry_after`](TokenError::retry_after) where that is given.
    pub async fn revoke(&self) -> Result<(), TokenError> {
        let shared = &*self.0.shared;
        {
            // In one step: whoever revokes at the same time finds it in one of the two places.
            let mut unrevoked = shared.unrevoked();
            unrevoked.extend(shared.take());
        }
        // One that the server does not revoke must not keep the others from it.
        let mut outcome = Ok(());
        for token in shared.to_be_revoked() {
            match shared.client.revoke(&token).await {
                Ok(()) => {
                    shared.unrevoked().retain(|other| !other.ptr_eq(&token));
                    shared.announce(TokenEvent::Revoked);
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Stops for good, in the middle of a request if need be, and revokes the token at hand: from now on there is none. For
    /// the end of a service. Beside the revocation it takes no time, or 1 s where nobody drives the runtime of the source.
    /// A token that the server issues in an answer which is not read any more is left to expire.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime that has a timer, while the runtime of the source lives.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke), and may be called again likewise. The source has stopped all the same.
    pub async fn shut_down(&self) -> Result<(), TokenError> {
        self.0.shared.is_shut_down.store(true, Ordering::Release);
        let stop = self
            .0
            .stop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(stop);
        // What was read just now is to be revoked too. The task may be on a runtime that nobody drives.
        if !self.0.refreshes.is_closed() {
            let _ = timeout(Self::LONGEST_END, self.0.refreshes.closed()).await;
        }
        let shared = &self.0.shared;
        if !shared.has_told_shut_down.swap(true, Ordering::Relaxed) {
            shared.announce(TokenEvent::ShutDown);
        }
        self.revoke().await
    }

    /// Whether nothing fetches tokens any more: it was shut down, its runtime has ended, or its task panicked.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.shared.has_shut_down() || self.0.refreshes.is_closed()
    }

    /// How the token is doing.
    #[must_use]
    pub fn status(&self) -> TokenStatus {
        let shared = &*self.0.shared;
        shared.state.load().status(shared)
    }

    /// What happens from now on. A receiver that does not keep up misses the oldest events.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<TokenEvent> {
        self.0.shared.events.subscribe()
    }

    /// Whether its tokens are bound to a key (RFC 9449), so that each request needs a proof.
    #[must_use]
    #[inline]
    pub fn is_bound(&self) -> bool {
        self.0.shared.client.binding.is_some()
    }

    /// The client that tokens are issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.0.shared.client.client_id()
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenSource")
            .field(&self.0.shared.client)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, TestIssuer};

    use super::*;

    /// Someone saw no token, and asks for one when it is there.
    #[tokio::test]
    async fn who_asks_late_causes_no_request() {
        let issuer = TestIssuer::builder().start().await.expect("an issuer");
        let server = AuthorizationServer::discover(issuer.url()).build();
        let client = ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET);
        let source = TokenSource::builder(&server.expect("a server"), client)
            .build()
            .expect("a source");
        source.token().await.expect("a token");
        let shared = &source.0.shared;
        shared.ask();
        while shared.is_asked.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        source.refresh().await.expect("another");
        assert_eq!(issuer.requests(Endpoint::Token), 2);
    }
}
