//! Tokens for calls on behalf of another party (RFC 8693).

mod cache;

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use portcullis_core::{
    ConfigError,
    clock::{Moment, UnixTime},
    lock,
    log::escape_url,
};
use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
use portcullis_worker::{Jitter, current_runtime};
use serde_json::Value;
use tokio::{runtime::Handle as Runtime, sync::watch, task::JoinSet, time::Instant};

use self::cache::{Cache, Key, Outcome};
use crate::{
    AccessToken, SubjectToken, TokenError, TokenErrorKind, TokenSource,
    lifetime::Lifetime,
    token_client::{TokenClient, configure, request_setters},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const TOKEN_TYPE_PREFIX: &str = "urn:ietf:params:oauth:token-type:";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Exchanges a caller's token for one that is meant for another service (RFC 8693), so that a call on the caller's
/// behalf carries neither the caller's own token nor the service's.
///
/// Exchanged tokens are cached under a digest of the subject's and the actor's token, and used until shortly
/// before they or the subject's token expire. Callers that need the same exchange share one token request, which continues when they leave.
///
/// The principal holds the caller's token if the bearer scheme was built with `keep_access_token`.
///
/// ```no_run
/// # use portcullis_client::*;
/// # async fn f(server: AuthorizationServer, client: ClientAuthentication, caller: portcullis_core::Principal)
/// # -> Result<AccessToken, Box<dyn std::error::Error>> {
/// let exchange = TokenExchange::builder(&server, client)
///     .resource("https://stock.example.com")
///     .scopes(["stock:read"])
///     .build()?;
/// let token = exchange.token(&SubjectToken::of(&caller)?).await?;
/// // Then `Origins::allows` and `AccessToken::authorize`.
/// # Ok(token)
/// # }
/// ```
#[derive(Clone)]
pub struct TokenExchange(Arc<Inner>);

struct Inner {
    client: Arc<TokenClient>,
    actor: Option<TokenSource>,
    subject_issuers: Vec<Box<str>>,
    capacity: usize,
    cache: Mutex<Cache>,
    /// The origin of monotonic times.
    origin: Instant,
    untyped_warning: OnceLock<()>,
    runtime: Runtime,
    /// Aborted on drop.
    in_flight: Mutex<JoinSet<()>>,
}

impl TokenExchange {
    /// Configures an exchange at `server`, requested by the client that `authentication` names.
    pub fn builder(
        server: &AuthorizationServer,
        authentication: ClientAuthentication,
    ) -> TokenExchangeBuilder {
        TokenExchangeBuilder {
            client: Ok(TokenClient::new(server.clone(), authentication)),
            actor: None,
            subject_issuers: Vec::new(),
            capacity: 4096,
        }
    }

    /// Returns the token to call with on behalf of `subject`.
    ///
    /// # Errors
    ///
    /// When no token could be obtained. For two seconds after a refusal, callers get the same error without another
    /// request. After a failure that affects every subject, such as an outage, the exchange backs off as a [`TokenSource`]
    /// does; cached tokens remain usable.
    pub async fn token(&self, subject: &SubjectToken) -> Result<AccessToken, TokenError> {
        let inner = &*self.0;
        let actor = match &inner.actor {
            Some(actor) => Some(actor.token().await?),
            None => None,
        };
        let key = key(subject, actor.as_ref());
        loop {
            let now = inner.now();
            inner.check_subject(subject, now)?;
            let (mut progress, sender) =
                lock(&inner.cache).lookup_or_insert(key, now, inner.capacity)?;
            if let Some(sender) = sender {
                self.spawn(subject.clone(), actor.clone(), sender);
            }
            let was_cached = progress.borrow().is_some();
            let outcome = progress.wait_for(Option::is_some).await;
            let outcome = outcome.map_err(|_| exchange_stopped())?;
            let now = inner.now().wall();
            match &*outcome {
                Some(Ok(token)) if token.lifetime().is_usable(now) => return Ok(token.clone()),
                Some(Ok(token)) if !was_cached && token.lifetime().usable_until <= now => {
                    return Err(TokenError::arrived_expired());
                }
                // The cached token has just expired, or the clock was set back: exchange again.
                Some(Ok(_)) => {}
                Some(Err(failed)) => return Err(failed.error.clone()),
                None => return Err(exchange_stopped()),
            }
        }
    }

    /// Reports that a service rejected the token that was exchanged for `subject`'s (401 `invalid_token`). Returns
    /// true if the exchange no longer returns the token, so that the caller can obtain another one.
    ///
    /// Limited for each cached subject as [`TokenSource::reject`] is, and for all to 32 at once and one more per second.
    #[must_use]
    pub fn reject(&self, subject: &SubjectToken, token: &AccessToken) -> bool {
        let inner = &*self.0;
        let actor = inner.actor.as_ref().and_then(TokenSource::current);
        let now = inner.now().monotonic();
        let key = key(subject, actor.as_ref());
        lock(&inner.cache).reject(key, token, now)
    }

    /// The number of cache entries, including expired and rejected tokens, failures, and exchanges in flight.
    pub fn cached(&self) -> usize {
        lock(&self.0.cache).len()
    }

    /// Runs the exchange as a task, so that it continues when the caller leaves.
    fn spawn(
        &self,
        subject: SubjectToken,
        actor: Option<AccessToken>,
        sender: watch::Sender<Outcome>,
    ) {
        // Weak: dropping the last handle must abort the task.
        let inner = Arc::downgrade(&self.0);
        let (client, started) = (self.0.client.clone(), self.0.now());
        let task = async move {
            let outcome = exchange(&client, &subject, actor.as_ref(), started).await;
            if let Some(inner) = inner.upgrade() {
                // Read before the cache is locked: the clock is foreign code.
                let now = inner.now();
                if outcome.as_ref().is_ok_and(AccessToken::is_untyped) {
                    let warning = &inner.untyped_warning;
                    warning.get_or_init(|| inner.client.warn_untyped());
                }
                let outcome = lock(&inner.cache).record(outcome, started, now);
                let _ = sender.send(Some(outcome));
            }
        };
        let mut in_flight = lock(&self.0.in_flight);
        while in_flight.try_join_next().is_some() {}
        in_flight.spawn_on(task, &self.0.runtime);
    }
}

impl Inner {
    fn now(&self) -> Moment {
        Moment::new(self.client.clock().now(), self.origin.elapsed())
    }

    fn check_subject(&self, subject: &SubjectToken, now: Moment) -> Result<(), TokenError> {
        let refuse = |why: &str| Err(TokenError::new(TokenErrorKind::NoSubjectToken, why));
        if subject.expires_at.is_some_and(|end| end <= now.wall()) {
            return refuse(
                "the subject's token has expired, so it was not exchanged: the caller must send a new one",
            );
        }
        let allowed = self.subject_issuers.iter().map(|issuer| &**issuer);
        match (&subject.issuer, self.client.server.issuer()) {
            (Some(issuer), Some(server)) if !allowed.chain([server]).any(|it| *it == **issuer) => {
                let (issuer, server) = (escape_url(issuer), escape_url(server));
                refuse(&format!(
                    "the subject's token is from issuer \"{issuer}\" and was not sent to the server \"{server}\" for exchange: if this server may see that issuer's tokens, add the issuer with `subject_issuer`"
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Configures a [`TokenExchange`].
#[derive(Clone)]
#[must_use = "`build` makes the exchange"]
pub struct TokenExchangeBuilder {
    client: Result<TokenClient, ConfigError>,
    actor: Option<TokenSource>,
    subject_issuers: Vec<Box<str>>,
    capacity: usize,
}

impl TokenExchangeBuilder {
    request_setters!();

    /// Sends the token of `actor`, usually this service's own, as `actor_token` (RFC 8693 §2.1): it names the party that acts
    /// for the subject. By default the subject is impersonated, if the server allows it.
    pub fn actor(mut self, actor: TokenSource) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Allows subject tokens of this issuer too. By default a token that is known to be from another issuer is not sent: a
    /// service that trusts several issuers must not reveal the tokens of one to another.
    pub fn subject_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.subject_issuers.push(issuer.into());
        self
    }

    /// How many exchanged tokens are cached, and how many exchanges may be in flight at once; 4,096 by default.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Builds the exchange.
    ///
    /// # Errors
    ///
    /// When a setting is invalid, or outside a tokio runtime. The runtime must have its time and IO drivers enabled,
    /// which cannot be checked here.
    pub fn build(self) -> Result<TokenExchange, ConfigError> {
        let runtime = current_runtime("TokenExchangeBuilder::build")?;
        Ok(TokenExchange(Arc::new(Inner {
            client: self.client?.check()?,
            actor: self.actor,
            subject_issuers: self.subject_issuers,
            capacity: self.capacity.max(1),
            cache: Mutex::default(),
            origin: Instant::now(),
            untyped_warning: OnceLock::new(),
            runtime,
            in_flight: Mutex::new(JoinSet::new()),
        })))
    }
}

/// A digest of all that varies between exchanges. Each token is preceded by its length.
fn key(subject: &SubjectToken, actor: Option<&AccessToken>) -> Key {
    let mut digest = Context::new(&SHA256);
    let actor = actor.map_or(&b""[..], |actor| actor.expose().as_bytes());
    for token in [subject.token.expose(), actor] {
        digest.update(&(token.len() as u64).to_le_bytes());
        digest.update(token);
    }
    let expires_at = subject.expires_at.map_or(u64::MAX, UnixTime::as_secs);
    digest.update(&expires_at.to_le_bytes());
    let mut key = Key::default();
    key.copy_from_slice(digest.finish().as_ref());
    key
}

fn exchange_stopped() -> TokenError {
    let why = "the token exchange has stopped because its runtime ended or its task panicked: unless the service is stopping, restart it";
    TokenError::stopped(why)
}

async fn exchange(
    client: &Arc<TokenClient>,
    subject: &SubjectToken,
    actor: Option<&AccessToken>,
    started: Moment,
) -> Result<AccessToken, TokenError> {
    let subject_token = subject.token.expose_str().ok_or_else(|| {
        let why = "the subject's token is not valid UTF-8, so it cannot be exchanged: check where it comes from";
        TokenError::new(TokenErrorKind::NoSubjectToken, why)
    })?;
    let mut form = client.request.form(GRANT);
    form.extend([
        ("subject_token", subject_token),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", ACCESS_TOKEN),
    ]);
    if let Some(actor) = actor.map(AccessToken::expose) {
        form.extend([("actor_token", actor), ("actor_token_type", ACCESS_TOKEN)]);
    }
    let (answer, response) = client.fetch(&form).await?;
    let issued_type = response.issued_token_type.as_ref().and_then(Value::as_str);
    if !matches!(issued_type, Some(ACCESS_TOKEN | JWT)) {
        let found = match issued_type {
            None => "unknown type (`issued_token_type` is missing or not a string)".to_owned(),
            Some(found) if is_registered(found) => format!("type {}", answer.for_message(found)),
            Some(_) => "a type outside RFC 8693 §3".to_owned(),
        };
        let message = format!(
            "{} exchanged the token for one of {found}, but an access token was requested: configure the server to issue one and to name its type in `issued_token_type`",
            answer.url
        );
        return Err(TokenError::new(TokenErrorKind::TokenType, message));
    }
    let left = |end: UnixTime| end.duration_since(started.wall());
    let subject_lifetime = subject.expires_at.map_or(Duration::MAX, left);
    let lifetime = subject_lifetime.min(response.lifetime);
    let lifetime = Lifetime::new(started.wall(), lifetime, Jitter::MIDDLE);
    let client = client.clone();
    Ok(AccessToken::new(response, client, None, lifetime))
}

/// Whether this is a token type of RFC 8693 §3. Messages show no others: a server may have put a token there.
fn is_registered(token_type: &str) -> bool {
    matches!(
        token_type.strip_prefix(TOKEN_TYPE_PREFIX),
        Some("access_token" | "refresh_token" | "id_token" | "saml1" | "saml2" | "jwt")
    )
}

impl fmt::Debug for TokenExchangeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenExchangeBuilder")
            .field(&self.client)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TokenExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = &self.0.client;
        f.debug_tuple("TokenExchange").field(client).finish()
    }
}
