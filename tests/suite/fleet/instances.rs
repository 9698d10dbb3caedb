//! The processes, and requests to each.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use portcullis_api_key::{ApiKey, KeyManager, KeyPrefix, NewKey};
use portcullis_core::ScopeSet;
use portcullis_sql::SqlStore;
use portcullis_test_servers::{Database, PostgreSql};
use portcullis_tests::{Response, Service, exchange, get, with_checksum};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Only a failing test reaches this.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// The scopes of the operator's key: all that the tests grant.
const SCOPES: &str = "keys:admin keys:read keys:write orders:read";

/// Instances of `orders-api` that share a database, and an operator's key.
pub(super) struct Fleet {
    pub(super) instances: Vec<Service>,
    operator: String,
    /// Every answer but those that show a key.
    answers: Mutex<String>,
}

/// A key that was shown once.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) key: String,
}

impl Fleet {
    /// Starts this many instances with more options, and creates the operator's key.
    pub(super) async fn start(count: usize, database: &Database, options: &[&str]) -> Self {
        let store = SqlStore::builder(&database.url()).migrate(true);
        let store = store.connect().await.expect("an empty database");
        let key = NewKey::new("operator").scopes(ScopeSet::parse(SCOPES));
        let portcullis_api_key::Created::New(operator) = store.create(key).await.expect("stored")
        else {
            panic!("a new key");
        };
        let mut fleet = Self {
            instances: Vec::new(),
            operator: operator.key().expose().to_owned(),
            answers: Mutex::default(),
        };
        for _ in 0..count {
            fleet.instances.push(instance(database, options).await);
        }
        fleet
    }

    pub(super) fn address(&self, instance: usize) -> SocketAddr {
        self.instances[instance].address()
    }

    pub(super) fn operator(&self) -> &str {
        &self.operator
    }

    /// The status of a request for orders with this key.
    pub(super) async fn status(&self, instance: usize, key: &str) -> u16 {
        let header = format!("x-api-key: {key}");
        let answer = get(self.address(instance), "/orders", &[&header]).await;
        self.note(&answer);
        if answer.status == 503 {
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
        }
        answer.status
    }

    /// The statuses of requests for orders with this key at each instance.
    pub(super) async fn statuses(&self, key: &str) -> Vec<u16> {
        let mut statuses = Vec::new();
        for instance in 0..self.instances.len() {
            statuses.push(self.status(instance, key).await);
        }
        statuses
    }

    /// Waits until every instance answers with this status, for at most `limit`.
    pub(super) async fn all_answer(&self, status: u16, key: &str, limit: Duration) {
        let all = async { while self.statuses(key).await.iter().any(|&is| is != status) {} };
        if timeout(limit, all).await.is_err() {
            let (statuses, health) = (self.statuses(key).await, self.health(0).await);
            panic!("not {status} within {limit:?}: {statuses:?} {health}");
        }
    }

    /// The `api_keys` of `/healthz`.
    pub(super) async fn health(&self, instance: usize) -> Value {
        let answer = get(self.address(instance), "/healthz", &[]).await;
        self.note(&answer);
        answer.json()["api_keys"].clone()
    }

    /// Waits until the status of the store at this instance meets the condition.
    pub(super) async fn healthy(&self, instance: usize, is_met: impl Fn(&Value) -> bool) {
        let met = async { while !is_met(&self.health(instance).await) {} };
        if timeout(TIMEOUT, met).await.is_err() {
            panic!("{}", self.health(instance).await);
        }
    }

    /// Creates a key that reads orders.
    pub(super) async fn create(&self, instance: usize, name: &str) -> Shown {
        self.create_from(instance, &wish(name)).await
    }

    pub(super) async fn create_from(&self, instance: usize, wish: &Value) -> Shown {
        let answer = self.post(instance, "", wish).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        shown(&answer)
    }

    pub(super) async fn revoke(&self, instance: usize, id: &str) {
        let path = format!("/{id}/revoke");
        let answer = self
            .post(instance, &path, &json!({ "reason": "test" }))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub(super) async fn rotate(&self, instance: usize, id: &str) -> Shown {
        let answer = self
            .post(instance, &format!("/{id}/rotate"), &json!({}))
            .await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        shown(&answer)
    }

    /// Posts to a management route. The path is that after `/admin/keys`.
    pub(super) async fn post(&self, instance: usize, path: &str, body: &Value) -> Response {
        let request = post_request(&self.operator, path, body);
        let answer = exchange(self.address(instance), request).await;
        self.note(&answer);
        answer
    }

    /// All answers so far, except those that show a key.
    pub(super) fn answers(&self) -> String {
        self.answers.lock().expect("no panic").clone()
    }

    fn note(&self, answer: &Response) {
        let shows_a_key =
            serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| body["key"].is_string());
        if !shows_a_key {
            let mut answers = self.answers.lock().expect("no panic");
            writeln!(answers, "{answer:?}").expect("memory");
        }
    }
}

/// A request to a management route. The path is that after `/admin/keys`.
pub(super) fn post_request(key: &str, path: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST /admin/keys{path} HTTP/1.1\r\nhost: orders\r\nconnection: close\r\nx-api-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// What a key that reads orders is created from.
pub(super) fn wish(name: &str) -> Value {
    json!({ "owner": "billing", "name": name, "scopes": ["orders:read"] })
}

/// The key in an answer.
pub(super) fn shown(answer: &Response) -> Shown {
    let body = answer.json();
    let text = |member: &str| body[member].as_str().expect("a text").to_owned();
    Shown {
        id: text("id"),
        key: text("key"),
    }
}

/// Another instance over the database.
pub(super) async fn instance(database: &Database, options: &[&str]) -> Service {
    let url = database.url_needing_password();
    let arguments = [&["--api-keys", &url, "--admin"], options].concat();
    let variables = [
        ("PORTCULLIS_STORE_PASSWORD", PostgreSql::PASSWORD),
        ("RUST_LOG", "trace"),
    ];
    Service::spawn_with("orders-api", &arguments, &variables).await
}

/// A well-formed key that no store has.
pub(super) fn unknown_key() -> String {
    let key = ApiKey::generate(&KeyPrefix::default()).expect("random bytes");
    key.expose().to_owned()
}

/// A well-formed key with the id of `key`.
pub(super) fn with_another_secret(key: &str) -> String {
    let other = unknown_key();
    let id_end = key.rfind('_').expect("a key");
    let secret = other.rfind('_').expect("a key")..other.len() - 6;
    with_checksum(&format!("{}{}", &key[..id_end], &other[secret]))
}
