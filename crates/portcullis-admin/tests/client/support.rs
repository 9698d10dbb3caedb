//! A service with the store, and one that asks it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use portcullis_admin::{IntrospectionStore, KeyAdmin};
use portcullis_api_key::{ApiKeys, IssuedKey, KeyRecord, MemoryStore, NewKey};
use portcullis_client::ApiKeySource;
use portcullis_core::{AuthenticateLayer, FailureKind, ScopeSet, Secret, clock::UnixTime};
use portcullis_test::ManualClock;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// A service with the store at a real address, and the store of a service that asks it.
pub(crate) struct Pair {
    pub(crate) keys: MemoryStore,
    pub(crate) clock: ManualClock,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) store: IntrospectionStore,
    pub(crate) scheme: ApiKeys,
    pub(crate) url: String,
    _server: JoinSet<()>,
}

/// What the tests see of the endpoint, and how they make it fail.
pub(crate) struct Endpoint {
    requests: AtomicUsize,
    answer: Mutex<Option<(StatusCode, String)>>,
    /// A permit for each request that may be answered.
    gate: Semaphore,
}

impl Endpoint {
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Answers all requests by this instead.
    pub(crate) fn answer(&self, status: u16, body: &str) {
        let status = StatusCode::from_u16(status).expect("a status");
        *self.answer.lock().expect("not poisoned") = Some((status, body.to_owned()));
    }

    pub(crate) fn fail(&self) {
        self.answer(503, "");
    }

    pub(crate) fn heal(&self) {
        *self.answer.lock().expect("not poisoned") = None;
    }

    /// Holds requests until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release(&self) {
        self.gate.add_permits(1_000);
    }
}

async fn intercept(
    State(endpoint): State<Arc<Endpoint>>,
    request: Request,
    next: Next,
) -> Response {
    endpoint.requests.fetch_add(1, Ordering::SeqCst);
    endpoint.gate.acquire().await.expect("open").forget();
    let answer = endpoint.answer.lock().expect("not poisoned").clone();
    match answer {
        Some(answer) => answer.into_response(),
        None => next.run(request).await,
    }
}

impl Pair {
    pub(crate) async fn start() -> Self {
        Self::with(|keys| keys).await
    }

    /// Builds the scheme over the keys by `configure`.
    pub(crate) async fn with(
        configure: fn(portcullis_api_key::ApiKeysBuilder) -> portcullis_api_key::ApiKeysBuilder,
    ) -> Self {
        let clock = ManualClock::new(NOW);
        let keys = MemoryStore::new().clock(clock.shared());
        let endpoint = Arc::new(Endpoint {
            requests: AtomicUsize::new(0),
            answer: Mutex::default(),
            gate: Semaphore::new(1_000),
        });
        let scheme = configure(ApiKeys::builder(keys.clone()).clock(clock.shared()));
        let scheme = scheme.build().expect("good settings");
        let admin = KeyAdmin::new(Arc::new(keys.clone()))
            .authenticate(AuthenticateLayer::new(scheme.clone()))
            .introspection(scheme)
            .clock(clock.shared())
            .build()
            .expect("good settings");
        let app = Router::new()
            .nest("/keys", admin)
            .layer(from_fn_with_state(endpoint.clone(), intercept));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.expect("served") });

        let url = format!("http://{address}/keys/introspect");
        let own = NewKey::new("orders").scopes(ScopeSet::parse("keys:introspect"));
        let own = keys.create(own.never_expires()).expect("created");
        let own = Secret::new(own.key().expose());
        let store = IntrospectionStore::builder(&url)
            .api_key(ApiKeySource::new(&own).expect("a key"))
            .clock(clock.shared())
            .build()
            .expect("good settings");
        let scheme = configure(ApiKeys::builder(store.clone()).clock(clock.shared()));
        Self {
            scheme: scheme.build().expect("good settings"),
            keys,
            clock,
            endpoint,
            store,
            url,
            _server: server,
        }
    }

    pub(crate) fn create(&self) -> IssuedKey {
        let new = NewKey::new("billing").scopes(ScopeSet::parse("orders:read"));
        self.keys.create(new).expect("created")
    }

    /// The record that the asking service sees, or why it refuses the key.
    pub(crate) async fn check(&self, key: &str) -> Result<KeyRecord, FailureKind> {
        let verified = self.scheme.verify(key.as_bytes()).await;
        match verified {
            Ok(key) => Ok(key.record().clone()),
            Err(failure) => Err(failure.kind()),
        }
    }

    pub(crate) async fn is_accepted(&self, key: &IssuedKey) -> bool {
        match self.check(key.key().expose()).await {
            Ok(record) => record.id == key.record().id,
            Err(kind) => {
                assert_eq!(kind, FailureKind::Invalid);
                false
            }
        }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
