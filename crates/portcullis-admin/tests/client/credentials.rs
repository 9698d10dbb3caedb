use axum::{Router, extract::State, response::IntoResponse, routing::post};
use http::{HeaderMap, StatusCode};
use portcullis_admin::IntrospectionStore;
use portcullis_api_key::{ApiKeys, NewKey};
use portcullis_client::{ApiKeySource, ClientSecrets, HttpSettings, TokenSource};
use portcullis_core::{ConfigError, FailureKind, Secret};
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, TestIssuer};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinSet};

use crate::support::NOW;

/// The tokens that the endpoint got. It rejects the first.
type Seen = Arc<Mutex<Vec<String>>>;

async fn introspect(State(seen): State<Seen>, headers: HeaderMap) -> impl IntoResponse {
    let token = headers["authorization"].to_str().expect("text").to_owned();
    let mut seen = seen.lock().expect("not poisoned");
    seen.push(token);
    match seen.len() {
        1 => (StatusCode::UNAUTHORIZED, String::new()),
        _ => (StatusCode::OK, r#"{"active":false}"#.to_owned()),
    }
}

#[tokio::test]
async fn rejected_access_token_is_replaced() {
    let issuer = TestIssuer::start().await;
    let seen = Seen::default();
    let app = Router::new()
        .route("/introspect", post(introspect))
        .with_state(seen.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.expect("served") });

    let secret = ClientSecrets::new([DEFAULT_CLIENT_SECRET]);
    let source = TokenSource::client_credentials(issuer.url(), DEFAULT_CLIENT_ID, secret);
    let source = source.build().expect("a source");
    let store = IntrospectionStore::builder(format!("http://{address}/introspect"))
        .token_source(source)
        .build()
        .expect("good settings");
    let key = NewKey::new("a").issue(NOW, None).expect("issued");
    let failure = ApiKeys::new(store)
        .verify(key.key().expose().as_bytes())
        .await;
    assert_eq!(failure.expect_err("inactive").kind(), FailureKind::Invalid);
    let seen = seen.lock().expect("not poisoned");
    assert_eq!(seen.len(), 2, "asked again with another token");
    assert!(seen.iter().all(|token| token.starts_with("Bearer ")) && seen[0] != seen[1]);
    assert_eq!(issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let key = ApiKeySource::new(&Secret::new("k")).expect("a key");
    let builder = |url: &str| IntrospectionStore::builder(url).api_key(key.clone());
    let setting =
        |built: Result<IntrospectionStore, ConfigError>| built.expect_err("bad").setting();
    let url = "https://keys.example.com/introspect";
    assert_eq!(setting(IntrospectionStore::builder(url).build()), "api_key");
    for bad in [
        "http://keys.example.com/introspect",
        "keys",
        "https://a:b@keys.example.com",
    ] {
        assert_eq!(setting(builder(bad).build()), "url", "{bad}");
    }
    let bound = Duration::from_secs(4);
    assert_eq!(
        setting(builder(url).unreachable_bound(bound).build()),
        "unreachable_bound"
    );
    assert_eq!(
        setting(builder(url).reachable_bound(Duration::ZERO).build()),
        "reachable_bound"
    );
    let http = HttpSettings::default().timeout(Duration::ZERO);
    assert_eq!(setting(builder(url).http(http).build()), "timeout");
    let store = builder(url).build().expect("good settings");
    let shown = format!("{store:?}");
    assert!(
        shown.contains("https://keys.example.com/introspect"),
        "{shown}"
    );
}
