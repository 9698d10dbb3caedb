//! A service with the routes, and requests to it.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE};
use portcullis_admin::KeyAdmin;
use portcullis_api_key::{ApiKeys, KeyManager, MemoryStore, NewKey};
use portcullis_core::{AuthenticateLayer, ScopeSet, clock::UnixTime};
use portcullis_test::ManualClock;
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(crate) const BASE: &str = "/admin/keys";

/// A service whose keys are managed at [`BASE`].
pub(crate) struct Service {
    pub(crate) store: MemoryStore,
    pub(crate) clock: ManualClock,
    pub(crate) app: Router,
}

/// A response, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::over(|store| Arc::new(store.clone()))
    }

    /// Manages the keys by `manager`. The callers' keys are in the store.
    pub(crate) fn over(manager: impl FnOnce(&MemoryStore) -> Arc<dyn KeyManager>) -> Self {
        let clock = ManualClock::new(NOW);
        let store = MemoryStore::new().clock(clock.shared());
        let scheme = ApiKeys::builder(store.clone())
            .clock(clock.shared())
            .build();
        let keys = scheme.expect("good settings");
        let layer = AuthenticateLayer::new(keys.clone());
        let admin = KeyAdmin::new(manager(&store))
            .authenticate(layer)
            .introspection(keys)
            .clock(clock.shared());
        let admin = admin.build().expect("good settings");
        let app = Router::new().nest(BASE, admin);
        Self { store, clock, app }
    }

    /// The key of a new caller.
    pub(crate) fn caller(&self, owner: &str, scopes: &str) -> Caller<'_> {
        let new = NewKey::new(owner)
            .scopes(ScopeSet::parse(scopes))
            .never_expires();
        let issued = self.store.create(new).expect("created");
        Caller {
            service: self,
            key: issued.key().expose().to_owned(),
            id: issued.record().id.to_string(),
        }
    }

    pub(crate) fn admin(&self) -> Caller<'_> {
        self.caller("operator", "keys:admin")
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.app, request).await
    }
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).expect("text"),
    }
}

/// A caller with an API key.
pub(crate) struct Caller<'s> {
    service: &'s Service,
    pub(crate) key: String,
    pub(crate) id: String,
}

impl Caller<'_> {
    /// A request to a path below [`BASE`].
    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let uri = format!("{BASE}{path}");
        Request::builder()
            .method(method)
            .uri(uri)
            .header("x-api-key", &self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).body(Body::empty());
        self.service.send(request.expect("a request")).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_string()));
        self.service.send(request.expect("a request")).await
    }

    /// Creates a key, and returns what the answer shows.
    pub(crate) async fn create(&self, body: Value) -> Value {
        let answer = self.post("", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn ids(&self, query: &str) -> Vec<String> {
        let answer = self.get(query).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let list = answer.json();
        let keys = list["keys"].as_array().expect("a list").iter();
        keys.map(|key| key["id"].as_str().expect("an id").to_owned())
            .collect()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// The detail of a problem document with this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), "no-store");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(
            problem["title"],
            self.status.canonical_reason().unwrap_or_default()
        );
        problem["detail"].as_str().expect("a detail").to_owned()
    }
}
