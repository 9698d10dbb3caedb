//! Tokens for calls on behalf of another (RFC 8693).

mod builder;
mod cache;
mod outage;
mod subject;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use portcullis_core::{SharedClock, UnixTime};
use portcullis_oauth::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};
use portcullis_worker::{BudgetRules, FetchBudget, Jitter};
use tokio::{runtime::Handle as Runtime, sync::watch, task::JoinSet, time::Instant};

pub use self::{builder::TokenExchangeBuilder, subject::SubjectToken};
use self::{
    cache::{Cache, Exchanged, Found, Key, Progress},
    outage::Outage,
};
use crate::{
    AccessToken, TokenError, TokenErrorKind, TokenSource,
    response::{Issued, TokenType},
    schedule::Life,
    source::TokenRequest,
    token::Binding,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Whether this is one of the token types of RFC 8693 §3. A message shows no other: a server may have put a token there.
fn is_registered(token_type: &str) -> bool {
    let kind = token_type.strip_prefix("urn:ietf:params:oauth:token-type:");
    kind.is_some_and(|kind| {
        matches!(
            kind,
            "access_token" | "refresh_token" | "id_token" | "saml1" | "saml2" | "jwt"
        )
    })
}

/// How many refused tokens of one subject may be replaced.
const OF_ONE: BudgetRules = BudgetRules::new(2, Duration::from_secs(30));

/// How many refused tokens of all subjects together may be replaced.
const OF_ALL: BudgetRules = BudgetRules::new(32, Duration::from_secs(1));

/// Exchanges the token of a caller for one that is meant for another service (RFC 8693), so that a call on the caller's
/// behalf carries neither the caller's own token nor the service's.
///
/// What was exchanged is kept, under a digest of the subject's token and all else that the exchange depends on, and used
/// until its end or that of the subject's token, whichever is first. However many ask for the same exchange at once, there
/// is one request, which goes on when they leave.
///
/// The caller's token is there if the bearer scheme was built with `keep_access_token`.
///
/// ```no_run
/// # use portcullis_client::*;
/// # async fn f(server: AuthorizationServer, client: ClientAuthentication, caller: portcullis_core::Principal)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let exchange = TokenExchange::builder(&server, client)
///     .resource("https://stock.example.com")
///     .scopes(["stock:read"])
///     .build()?;
/// let token = exchange.token(&SubjectToken::of(&caller)?).await?;
///
/// let origins = Origins::new(["https://stock.example.com"])?;
/// let mut request = http::Request::get("https://stock.example.com/stock").body(())?;
/// assert!(origins.allow(request.uri()), "it goes there and nowhere else");
/// let (method, uri) = (request.method().clone(), request.uri().clone());
/// token.authorize(&method, &uri, request.headers_mut())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenExchange(Arc<Inner>);

struct Inner {
    server: AuthorizationServer,
    client: ClientAuthentication,
    request: TokenRequest,
    /// Who acts for the subject, where that is to be told.
    actor: Option<TokenSource>,
    binding: Option<Binding>,
    cache: Cache,
    /// Issuers beside the server itself whose tokens may be shown to it.
    issuers: Vec<Box<str>>,
    outage: Mutex<Outage>,
    /// What is left of the exchanges that refused tokens of all subjects together may cause.
    rejections: Mutex<FetchBudget>,
    origin: Instant,
    clock: SharedClock,
    runtime: Runtime,
    /// Whether the log says that tokens come without a type.
    told_untyped: Arc<AtomicBool>,
    /// Ended when this is dropped.
    under_way: Mutex<JoinSet<()>>,
}

impl TokenExchange {
    /// Starts an exchange at `server`, asked for by `client`.
    pub fn builder(
        server: &AuthorizationServer,
        client: ClientAuthentication,
    ) -> TokenExchangeBuilder {
        TokenExchangeBuilder::new(server.clone(), client)
    }

    /// The token to call with on behalf of `subject`.
    ///
    /// # Errors
    ///
    /// Why there is none. What the server refused it is asked anew after two seconds. A server that does not answer, or not
    /// as a token endpoint does, is left alone as by a [`TokenSource`]; those tokens that are kept serve meanwhile.
    pub async fn token(&self, subject: &SubjectToken) -> Result<AccessToken, TokenError> {
        let inner = &*self.0;
        let actor = match &inner.actor {
            Some(actor) => Some(actor.token().await?),
            None => None,
        };
        let key = inner.key(subject, actor.as_ref());
        let end = subject.expires_at();
        loop {
            let now = inner.clock.now();
            inner.check(subject, now)?;
            let mut progress = match inner
                .cache
                .find(key, now, end, || inner.outage().recent_error(now))
            {
                Found::Token(token) => return Ok(token),
                Found::Failed(error) => return Err(error),
                Found::Full => {
                    return Err(TokenError::new(
                        TokenErrorKind::Busy,
                        "as many exchanges are under way as there is room for: raise `capacity`, or call less at once",
                    ));
                }
                Found::UnderWay(progress) => progress,
                Found::Missing(sender) => {
                    let progress = sender.subscribe();
                    self.begin(subject.clone(), actor.clone(), sender);
                    progress
                }
            };
            let ended = progress.wait_for(Option::is_some).await;
            let ended = ended.map_err(|_| TokenError::stopped())?;
            let now = inner.clock.now();
            match &*ended {
                Some(Ok(exchanged)) if exchanged.serves(now, end) => {
                    return Ok(exchanged.token.clone());
                }
                Some(Ok(exchanged)) if exchanged.is_over(now, end) => {
                    return Err(TokenError::new(
                        TokenErrorKind::Unusable,
                        "the token was about to expire when it arrived",
                    ));
                }
                // Begun by someone who may use the subject's token for longer, or not as long; or before the clock was set
                // back.
                Some(Ok(_)) => {}
                Some(Err(failed)) => return Err(failed.error.clone()),
                None => return Err(TokenError::stopped()),
            }
        }
    }

    /// Says that a service did not accept the token that `subject`'s was exchanged for (401 `invalid_token`), and tells whether
    /// it is worth asking for another: then it is handed out no more. Bounded for each subject as
    /// [`TokenSource::reject`], while there is room to remember it, and for all of them together to 32, and one more for
    /// each second since.
    #[must_use]
    pub fn reject(&self, subject: &SubjectToken, token: &AccessToken) -> bool {
        let inner = &*self.0;
        let actor = inner.actor.as_ref().and_then(TokenSource::current);
        let key = inner.key(subject, actor.as_ref());
        let now = inner.origin.elapsed();
        let mut of_all = inner
            .rejections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        inner.cache.forget(key, token, |of_one| {
            let left = of_one.take(&OF_ONE, now)?;
            *of_all = of_all.take(&OF_ALL, now)?;
            Some(left)
        })
    }

    /// How many exchanged tokens are kept, those that have ended or were refused since and exchanges that failed or are
    /// under way included.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.0.cache.len()
    }

    /// Exchanges on the runtime, so that it goes on when whoever asked for it leaves.
    fn begin(
        &self,
        subject: SubjectToken,
        actor: Option<AccessToken>,
        tell: watch::Sender<Progress>,
    ) {
        // Not held by the task: it ends with the last handle.
        let inner = Arc::downgrade(&self.0);
        let exchange = async move {
            let begun = inner.upgrade().map(|inner| {
                let asked_at = inner.clock.now();
                (asked_at, inner.exchange(subject, actor))
            });
            let Some((asked_at, request)) = begun else {
                return;
            };
            let outcome = request.await;
            if let Some(inner) = inner.upgrade() {
                // Before the lock is taken: the clock is another's code.
                let now = inner.clock.now();
                let concluded = inner.outage().conclude(asked_at, outcome, now);
                let _ = tell.send(Some(concluded));
            }
        };
        let mut under_way = self
            .0
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while under_way.try_join_next().is_some() {}
        under_way.spawn_on(exchange, &self.0.runtime);
    }
}

impl Inner {
    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is somebody to act for here.
    fn check(&self, subject: &SubjectToken, now: UnixTime) -> Result<(), TokenError> {
        let refuse = |why: &str| Err(TokenError::new(TokenErrorKind::NoSubjectToken, why));
        if subject.has_expired(now) {
            return refuse("the subject's token has expired");
        }
        if let (Some(issuer), Some(server)) = (subject.issuer(), self.server.issuer())
            && issuer != server
            && !self.issuers.iter().any(|accepted| **accepted == *issuer)
        {
            return refuse(
                "the subject's token is of another issuer than the server it would be shown to: if that is right, name it with `subject_issuer`",
            );
        }
        Ok(())
    }

    /// A digest of all that the answer depends on. Each part is preceded by its length.
    fn key(&self, subject: &SubjectToken, actor: Option<&AccessToken>) -> Key {
        let mut digest = Context::new(&SHA256);
        let mut add = |part: &[u8]| {
            digest.update(&(part.len() as u64).to_le_bytes());
            digest.update(part);
        };
        add(subject.token().expose());
        add(actor.map_or(b"", |actor| actor.expose().as_bytes()));
        for (name, value) in self.request.form(GRANT) {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        if let Some(binding) = &self.binding {
            add(binding.key.thumbprint().as_bytes());
        }
        let mut key = Key::default();
        key.copy_from_slice(digest.finish().as_ref());
        key
    }

    /// Asks the server. The future holds what it needs and not the exchange itself.
    fn exchange(
        &self,
        subject: SubjectToken,
        actor: Option<AccessToken>,
    ) -> impl Future<Output = Result<Exchanged, TokenError>> + Send + use<> {
        let (server, client) = (self.server.clone(), self.client.clone());
        let (request, binding) = (self.request.clone(), self.binding.clone());
        let clock = self.clock.clone();
        let told_untyped = self.told_untyped.clone();
        async move {
            let asked_at = clock.now();
            let left = subject.expires_at().map(|end| end.duration_since(asked_at));
            let token = subject.token().expose_str().ok_or_else(|| {
                TokenError::new(
                    TokenErrorKind::NoSubjectToken,
                    "the subject's token is no text",
                )
            })?;
            let mut form = request.form(GRANT);
            form.extend([
                ("subject_token", token),
                ("subject_token_type", ACCESS_TOKEN),
                ("requested_token_type", ACCESS_TOKEN),
            ]);
            if let Some(actor) = &actor {
                form.extend([
                    ("actor_token", actor.expose()),
                    ("actor_token_type", ACCESS_TOKEN),
                ]);
            }
            let endpoint = OAuthEndpoint::Token;
            let (answer, asked) = match &binding {
                None => (
                    server.post(endpoint, &client, &form).await?,
                    TokenType::Bearer,
                ),
                Some(Binding { key, .. }) => {
                    let answer = server.post_bound(endpoint, &client, key, &form).await?;
                    (answer, TokenType::Dpop)
                }
            };
            let issued = Issued::read(&answer, asked, &request)?;
            if issued.is_untyped && !told_untyped.swap(true, Ordering::Relaxed) {
                tracing::warn!(client_id = client.client_id(), %request, "the server's answer has no `token_type`: exchanged tokens are used as bearer tokens; have the server send `token_type` (RFC 6749 §5.1)");
            }
            match issued.issued_token_type.as_deref() {
                Some(ACCESS_TOKEN | JWT) => {}
                found => {
                    let found = match found {
                        None => "unknown type (`issued_token_type` is missing)".to_owned(),
                        Some(found) if is_registered(found) => {
                            format!("type {}", answer.shown(found))
                        }
                        Some(_) => "unknown type".to_owned(),
                    };
                    let why = format!(
                        "{} exchanged the token for one of {found}, where an access token was asked for",
                        answer.place()
                    );
                    return Err(TokenError::new(TokenErrorKind::TokenType, why));
                }
            }
            let lifetime = left.unwrap_or(Duration::MAX).min(issued.lifetime);
            let is_cut = lifetime < issued.lifetime;
            let life = Life::new(asked_at, lifetime, Jitter::NONE);
            let scopes = issued.scopes.unwrap_or(request.scopes);
            AccessToken::new(
                issued.token,
                binding,
                Weak::new(),
                life.expires_at,
                scopes,
            )
            .map(|token| Exchanged {
                token,
                life,
                is_cut,
            })
            .ok_or_else(|| {
                let why = "the token has characters that a header cannot carry";
                TokenError::new(TokenErrorKind::Unusable, why)
            })
        }
    }
}

impl fmt::Debug for TokenExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenExchange")
            .field("server", &self.0.server)
            .field("client", &self.0.client)
            .field("request", &self.0.request)
            .finish_non_exhaustive()
    }
}
