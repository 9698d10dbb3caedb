//! The page for API keys, used in Chromium as people use it. Each check is a script in `tests/browser/checks`.

use std::{env, net::SocketAddr, process::Stdio, sync::Arc, time::Duration};

use axum::Router;
use portcullis_admin::{ADMIN_KEYS, KeyAdmin};
use portcullis_api_key::{ApiKeys, KeyRecord, MemoryStore, NewKey};
use portcullis_core::{
    AuthenticateLayer, ScopeSet,
    clock::{Clock, SystemClock, UnixTime},
};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    process::Command,
    task::JoinSet,
    time::timeout,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser");
/// Longer than a check takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(300);

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn page_manages_keys() {
    check("manages_keys").await;
}

#[tokio::test]
async fn page_works_by_keyboard_alone() {
    check("works_by_keyboard_alone").await;
}

#[tokio::test]
async fn page_shows_markup_as_text() {
    check("shows_markup_as_text").await;
}

#[tokio::test]
async fn page_has_no_accessibility_violation_and_never_scrolls_sideways() {
    check("has_no_accessibility_violation").await;
}

#[tokio::test]
async fn page_keeps_secrets_in_memory_alone() {
    check("keeps_secrets_in_memory_alone").await;
}

#[tokio::test]
async fn page_says_what_went_wrong() {
    check("says_what_went_wrong").await;
}

/// Runs a script against a server of its own.
async fn check(name: &str) {
    let server = Server::start().await;
    let node = env::var_os("PORTCULLIS_NODE").unwrap_or_else(|| "node".into());
    let mut script = Command::new(node)
        .args(["run.mjs", name])
        .current_dir(FOLDER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node starts; run `cargo xtask test`, or point PORTCULLIS_NODE at Node 20 or newer");
    let page = format!("http://{}/admin/keys/ui", server.address);
    let input = json!({ "page": page, "key": server.key }).to_string();
    let mut stdin = script.stdin.take().expect("a piped input");
    stdin.write_all(input.as_bytes()).await.expect("the script reads");
    drop(stdin);
    let output = timeout(TIMEOUT, script.wait_with_output()).await;
    let output = output.expect("the check ends in time").expect("the script ends");
    assert!(
        output.status.success(),
        "{name}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A server with the routes of `portcullis-admin` and some keys. Dropping it stops it.
struct Server {
    address: SocketAddr,
    key: String,
    _task: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        let store = MemoryStore::new();
        store.insert(records(SystemClock.now())).expect("new ids");
        let scopes = ScopeSet::from_iter([ADMIN_KEYS]);
        let new = NewKey::new("operations").name("console").scopes(scopes);
        let key = store.create(new).expect("a key");
        let keys = ApiKeys::new(store.clone());
        let admin = KeyAdmin::new(Arc::new(store))
            .authenticate(AuthenticateLayer::new(keys))
            .build()
            .expect("a complete configuration");
        let app = Router::new().nest("/admin/keys", admin);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let mut task = JoinSet::new();
        task.spawn(async { axum::serve(listener, app).await.expect("axum serves") });
        Self {
            address,
            key: key.key().expose().to_owned(),
            _task: task,
        }
    }
}

/// More than a page of keys, in every state.
fn records(now: UnixTime) -> Vec<KeyRecord> {
    let ago = |time| now.saturating_sub(time);
    let record = |owner, name: &str, scopes, age, lifetime| {
        let scopes = ScopeSet::parse(scopes);
        let new = NewKey::new(owner).name(name).scopes(scopes);
        let issued = new.expires_in(lifetime).issue(ago(age), None);
        issued.expect("valid").record().clone()
    };
    let mut leaked = record("bots", "leaked-bot", "orders:read", 20 * DAY, 90 * DAY);
    let revoked = leaked.revoke(ago(4 * DAY), Some("leaked in a public repository"));
    revoked.expect("a valid reason");
    let mut billing = record(
        "payments",
        "billing-worker",
        "invoices:write orders:read",
        DAY,
        365 * DAY,
    );
    billing.last_used_at = Some(ago(3 * HOUR + HOUR / 2));
    billing.use_count = 184_223;
    let expiring = record("payments", "ledger-export", "ledger:read", 2 * DAY, 6 * DAY + 12 * HOUR);
    let expired = record("archive", "old-export", "ledger:read", 30 * DAY, 10 * DAY);
    let others = (0..30).map(|number| {
        let age = (40 + number) * DAY;
        record("services", &format!("service-{number}"), "orders:read", age, 365 * DAY)
    });
    others.chain([leaked, billing, expiring, expired]).collect()
}
