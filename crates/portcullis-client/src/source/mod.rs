//! One token, kept fresh.

mod builder;
mod request;
mod status;
mod task;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use portcullis_core::SharedClock;
use portcullis_jwt::{BudgetRules, FetchBudget};
use portcullis_remote::{AuthorizationServer, ClientAuthentication};
use tokio::{
    sync::{Notify, broadcast, mpsc, oneshot, watch},
    time::Instant,
};

pub(crate) use self::request::{TokenRequest, resource, scopes};
use self::task::{Command, State};
pub use self::{
    builder::TokenSourceBuilder,
    status::{TokenEvent, TokenStatus},
};
use crate::{AccessToken, TokenError, token::Binding};

/// A token by OAuth 2.0 client credentials (RFC 6749 §4.4), and the task that keeps it fresh.
///
/// The token is fetched when it is first asked for, once, however many wait for it, and whoever of them leaves. From
/// then on it is renewed in the background at 80 % of its lifetime. While the server cannot be asked the token at hand
/// serves; in its last moments (30 s, or a tenth of its lifetime if that is less) it does not, as it might expire on
/// its way.
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
    commands: mpsc::UnboundedSender<Command>,
    /// Closed when this is dropped, which ends the task.
    _stop: oneshot::Sender<std::convert::Infallible>,
}

/// What the task and its callers share.
struct Shared {
    server: AuthorizationServer,
    client: ClientAuthentication,
    request: TokenRequest,
    /// What tokens are bound to, where they are to be.
    binding: Option<Binding>,
    clock: SharedClock,
    /// Written by the task alone.
    state: ArcSwap<State>,
    /// Whether someone has asked for an attempt since the last began.
    is_asked: AtomicBool,
    wake: Notify,
    /// Counts the attempts that have ended.
    attempts: watch::Receiver<u64>,
    events: broadcast::Sender<TokenEvent>,
    /// Of the fetches that refused tokens may cause.
    rejections: AtomicU64,
    origin: Instant,
}

impl TokenSource {
    /// Starts a source of tokens from `server` for `client`.
    pub fn builder(
        server: &AuthorizationServer,
        client: ClientAuthentication,
    ) -> TokenSourceBuilder {
        TokenSourceBuilder::new(server.clone(), client)
    }

    /// The token, if one is at hand that may be sent now. Never waits; if there is none, or the one there is is due to be
    /// renewed, the task is told.
    #[must_use]
    pub fn current(&self) -> Option<AccessToken> {
        let shared = &*self.0.shared;
        let now = shared.clock.now();
        let state = shared.state.load();
        let held = state.held.as_ref()?;
        if held.life.is_due(now) {
            shared.ask();
        }
        held.life.is_live(now).then(|| held.token.clone())
    }

    /// The token: at once if one is at hand, otherwise when it was fetched.
    ///
    /// All who wait share one request, which goes on when they leave. After a failure the server is left alone for a
    /// while (1 s, doubled up to 60 s, or what it asks for up to 5 min); whoever asks meanwhile gets the last error at
    /// once.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn token(&self) -> Result<AccessToken, TokenError> {
        let shared = &*self.0.shared;
        loop {
            if let Some(token) = self.current() {
                return Ok(token);
            }
            let mut attempts = shared.attempts.clone();
            attempts.mark_unchanged();
            // Once more: an attempt may have ended before this began to listen for it.
            if let Some(token) = self.current() {
                return Ok(token);
            }
            if let Some(error) = shared.state.load().recent_error(shared.clock.now()) {
                return Err(error);
            }
            shared.ask();
            attempts
                .changed()
                .await
                .map_err(|_| TokenError::stopped())?;
            if let Some(token) = self.current() {
                return Ok(token);
            }
            if let Some(failure) = &shared.state.load().failure {
                return Err(failure.clone());
            }
        }
    }

    /// Fetches a new token now, whatever the schedule says, and returns it. Dropping the future does not stop the fetch.
    ///
    /// # Errors
    ///
    /// Why there is none. One that is at hand keeps serving.
    pub async fn refresh(&self) -> Result<AccessToken, TokenError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Refresh(reply))?;
        answer.await.map_err(|_| TokenError::stopped())?
    }

    /// Says that a service did not accept this token (401 `invalid_token`, RFC 6750 §3.1). If it is still the one at
    /// hand it is handed out no more, and the answer is whether it is worth asking for another.
    ///
    /// The answer is no when that has happened twice within a minute: a service that refuses every token must not have
    /// the authorization server asked for one each time. The layers call this.
    pub fn reject(&self, token: &AccessToken) -> bool {
        let shared = &*self.0.shared;
        let at_hand = shared.state.load();
        match &at_hand.held {
            Some(held) if held.token.is(token) => {
                let is_worth_it = shared.take_rejection();
                if is_worth_it {
                    // If the task has ended, the token stays, and serves until its end.
                    shared.forget(token);
                }
                is_worth_it
            }
            _ => true,
        }
    }

    /// Revokes the token at hand (RFC 7009), if there is one. It is handed out no more; the next call fetches another.
    ///
    /// # Errors
    ///
    /// When the server did not confirm it. With [`TokenErrorKind::Status`](crate::TokenErrorKind::Status) 503 the token
    /// may still be valid (RFC 7009 §2.2.1), and one should try again after
    /// [`retry_after`](TokenError::retry_after).
    pub async fn revoke(&self) -> Result<(), TokenError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Revoke(reply))?;
        answer.await.map_err(|_| TokenError::stopped())?
    }

    /// Revokes the token at hand and stops for good: from now on there is no token. For the end of a service.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke). The source has stopped all the same.
    pub async fn shut_down(&self) -> Result<(), TokenError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::ShutDown(reply))?;
        answer.await.map_err(|_| TokenError::stopped())?
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
    pub fn is_bound(&self) -> bool {
        self.0.shared.binding.is_some()
    }

    /// The client that tokens are issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.0.shared.client.client_id()
    }

    fn send(&self, command: Command) -> Result<(), TokenError> {
        self.0
            .commands
            .send(command)
            .map_err(|_| TokenError::stopped())
    }
}

impl Shared {
    /// Has the task make an attempt, as soon as it may.
    fn ask(&self) {
        // Reading shares the cache line; in an outage every call comes by here.
        if !self.is_asked.load(Ordering::Relaxed) && !self.is_asked.swap(true, Ordering::AcqRel) {
            self.wake.notify_one();
        }
    }

    fn forget(&self, token: &AccessToken) {
        self.state.rcu(|state| {
            let mut state = State::clone(state);
            if state.held.as_ref().is_some_and(|held| held.token.is(token)) {
                state.held = None;
            }
            state
        });
    }

    fn take_rejection(&self) -> bool {
        let now = self.origin.elapsed();
        let rules = BudgetRules::default();
        let take = |millis| {
            let budget = FetchBudget::from_millis(millis).take(&rules, now)?;
            Some(budget.to_millis())
        };
        self.rejections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("server", &self.0.shared.server)
            .field("client", &self.0.shared.client)
            .field("request", &self.0.shared.request)
            .finish_non_exhaustive()
    }
}
