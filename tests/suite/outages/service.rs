//! A service in this process that accepts one issuer's tokens.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, routing::get};
use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, StatusCode, header::AUTHORIZATION};
use portcullis_core::{
    AuthenticateLayer, RequireScopeLayer, Scope,
    clock::{SharedClock, system_clock},
};
use portcullis_jwt::{Algorithm, Bearer};
use portcullis_remote::{BudgetRules, HttpSettings, Issuer, IssuerBuilder, RefreshRules};
use portcullis_test::TestIssuer;
use portcullis_tests::{Response, apply_token_cache_env, get as send_get};
use tokio::{net::TcpListener, task::JoinSet};
use tower::ServiceExt;

/// The scope of the route.
pub(super) const READ: Scope = Scope::from_static("orders:read");

/// How long a request waits for a fetch. Longer than a fetch takes on a busy machine.
pub(super) const WAIT: Duration = Duration::from_secs(2);

/// How long a fetch may take.
pub(super) const TIMEOUT: Duration = Duration::from_millis(2500);

/// An issuer with short backoffs and time limits.
pub(super) fn impatient(issuer: &TestIssuer) -> IssuerBuilder {
    Issuer::discover(issuer.url())
        .refresh_rules(short_backoff())
        .longest_wait(WAIT)
        .http(HttpSettings::default().timeout(TIMEOUT))
}

/// The default rules with short backoffs.
pub(super) fn short_backoff() -> RefreshRules {
    let mut rules = RefreshRules::default();
    rules.backoff.first = Duration::from_millis(50);
    rules.backoff.longest = Duration::from_millis(50);
    rules.backoff.longest_retry_after = Duration::from_millis(50);
    rules
}

/// A budget that no test spends.
pub(super) fn large_budget() -> BudgetRules {
    BudgetRules::new(10_000, Duration::from_millis(1))
}

/// A running service. Dropping it aborts it.
pub(super) struct Service {
    issuer: Issuer,
    router: Router,
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl Service {
    /// Discovers the keys of a test issuer, with default settings.
    pub(super) async fn discover(issuer: &TestIssuer) -> Self {
        let keys = Issuer::discover(issuer.url()).start().await;
        Self::start(keys.expect("a valid configuration")).await
    }

    /// Accepts the tokens of `issuer` for the audience of test issuers.
    pub(super) async fn start(issuer: Issuer) -> Self {
        Self::start_at(issuer, system_clock()).await
    }

    /// Like [`start`](Self::start), with another clock.
    pub(super) async fn start_at(issuer: Issuer, clock: SharedClock) -> Self {
        let bearer = Bearer::jwt(&issuer)
            .audience(portcullis_test::DEFAULT_AUDIENCE)
            .algorithms(Algorithm::ASYMMETRIC)
            .clock(clock);
        let bearer = apply_token_cache_env(bearer)
            .build()
            .expect("a complete configuration");
        let router = Router::new()
            .route("/orders", get(async || "[]"))
            .route_layer(RequireScopeLayer::all([READ]))
            .route_layer(AuthenticateLayer::new(bearer));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let mut task = JoinSet::new();
        let served = router.clone();
        task.spawn(async { axum::serve(listener, served).await.expect("axum serves") });
        Self {
            issuer,
            router,
            address,
            _task: task,
        }
    }

    /// The issuer and its task.
    pub(super) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a token over a connection of its own.
    pub(super) async fn get(&self, token: &str) -> Response {
        send_get(
            self.address,
            "/orders",
            &[&format!("authorization: Bearer {token}")],
        )
        .await
    }

    /// The response to a token, without a socket.
    pub(super) fn answer(&self, token: &str) -> BoxFuture<'static, http::Response<Body>> {
        let request = Request::get("/orders")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .expect("a request");
        let answer = self.router.clone().oneshot(request);
        async { answer.await.expect("an infallible router") }.boxed()
    }

    /// The status of the response to a token, if it is immediate.
    pub(super) fn status_at_once(&self, token: &str) -> Option<StatusCode> {
        Some(self.answer(token).now_or_never()?.status())
    }
}
