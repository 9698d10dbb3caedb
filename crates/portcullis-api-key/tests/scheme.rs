//! The scheme behind a real layer.

mod support;

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use portcullis_api_key::{ApiKeys, KeyPrefix, MemoryStore, NewKey, Peppers};
use portcullis_core::{
    AuthenticateLayer, PrincipalKind, RequireScopeLayer, Scope, ScopeSet, Secret,
};
use support::{ManualClock, NOW, forge, send, send_key, send_to, with_checksum};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn wired() -> (MemoryStore, ApiKeys, ManualClock) {
    let clock = ManualClock::new();
    let store = MemoryStore::new().clock(Arc::new(clock.clone()));
    let keys = ApiKeys::builder(store.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .expect("valid settings");
    (store, keys, clock)
}

#[tokio::test]
async fn valid_key_is_accepted() {
    let (store, keys, _) = wired();
    let scopes = ScopeSet::parse("orders:write orders:read");
    let issued = store
        .create(
            NewKey::new("billing")
                .scopes(scopes.clone())
                .expires_in(HOUR),
        )
        .expect("made");
    let principal = send_key(&keys, issued.key().expose()).await.principal;
    let principal = principal.expect("authenticated");
    assert_eq!(principal.scheme(), "api-key");
    assert_eq!(principal.kind(), PrincipalKind::Machine);
    assert_eq!(principal.subject(), Some("billing"));
    assert_eq!(principal.client_id(), None);
    assert_eq!(principal.issuer(), None);
    assert_eq!(principal.credential_id(), Some(issued.key().id().as_str()));
    assert_eq!(principal.scopes(), &scopes);
    assert_eq!(principal.expires_at(), Some(NOW.saturating_add(HOUR)));
    assert_eq!(store.list()[0].last_used_at, Some(NOW));
}

#[tokio::test]
async fn k1_no_key_is_challenged_without_an_error() {
    let (_, keys, _) = wired();
    let answer = send(&keys, &[]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.challenge.as_deref(),
        Some(r#"ApiKey realm="api", header="x-api-key""#)
    );
}

#[tokio::test]
async fn k1_realm_and_header_are_configurable() {
    let (store, _, _) = wired();
    let key = store.create(NewKey::new("a")).expect("made");
    let keys = ApiKeys::builder(store)
        .realm("a\"b")
        .header(HeaderName::from_static("acme-key"))
        .build()
        .expect("valid settings");
    let key = key.key().expose();
    let elsewhere = send_key(&keys, key).await;
    assert_eq!(elsewhere.status, 401);
    assert_eq!(
        elsewhere.challenge.as_deref(),
        Some(r#"ApiKey realm="a\"b", header="acme-key""#)
    );
    let here = send(&keys, &[("acme-key", key.as_bytes())]).await;
    assert_eq!(here.status, 200);
}

#[tokio::test]
async fn expired_key_is_rejected_without_leeway() {
    let (store, keys, clock) = wired();
    let key = store
        .create(NewKey::new("a").expires_in(HOUR))
        .expect("made");
    clock.advance(HOUR - Duration::from_nanos(1));
    assert_eq!(send_key(&keys, key.key().expose()).await.status, 200);
    clock.advance(Duration::from_nanos(1));
    let answer = send_key(&keys, key.key().expose()).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.body.contains("the API key has expired"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn revoked_key_is_rejected() {
    let (store, keys, _) = wired();
    let issued = store.create(NewKey::new("a")).expect("made");
    assert_eq!(send_key(&keys, issued.key().expose()).await.status, 200);
    store.revoke(&issued.key().id()).expect("revoked");
    let answer = send_key(&keys, issued.key().expose()).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.body.contains("the API key has been revoked"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn key_of_the_wrong_length_is_called_that() {
    let (store, keys, _) = wired();
    let issued = store.create(NewKey::new("a")).expect("made");
    let key = issued.key().expose();
    let unknown = forge(key, "000000000000");
    for text in [
        key[..key.len() - 1].to_owned(),
        unknown[..unknown.len() - 1].to_owned(),
        key[.."portcullis_4fXq0ZbT9kLm_".len()].to_owned(),
        format!("{key}x"),
        format!("{key}{key}"),
        format!("{key},{key}"),
    ] {
        let answer = send_key(&keys, &text).await;
        assert_eq!(answer.status, 401);
        let problem = "the API key has the wrong length: it was cut off or pasted twice";
        assert!(answer.body.contains(problem), "{}", answer.body);
    }
    let bearer = format!("Bearer {key}");
    let answer = send_key(&keys, &bearer).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("send the key alone"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn reason_is_revealed_only_to_the_holder() {
    let (store, keys, _) = wired();
    let issued = store.create(NewKey::new("a")).expect("made");
    store.revoke(&issued.key().id()).expect("revoked");
    let forged = forge(issued.key().expose(), issued.key().id().as_str());
    let unknown = forge(issued.key().expose(), "000000000000");
    let (forged, unknown) = (
        send_key(&keys, &forged).await,
        send_key(&keys, &unknown).await,
    );
    assert_eq!(forged.status, 401);
    assert_eq!(forged.body, unknown.body);
    assert_eq!(forged.challenge, unknown.challenge);
}

#[tokio::test]
async fn rotated_key_works_until_its_deadline() {
    let (store, keys, clock) = wired();
    let old = store.create(NewKey::new("a")).expect("made");
    let new = store.rotate(&old.key().id(), HOUR).expect("rotated");
    for key in [&old, &new] {
        assert_eq!(send_key(&keys, key.key().expose()).await.status, 200);
    }
    clock.advance(HOUR);
    assert_eq!(send_key(&keys, old.key().expose()).await.status, 401);
    assert_eq!(send_key(&keys, new.key().expose()).await.status, 200);
}

#[tokio::test]
async fn key_with_another_prefix_is_rejected() {
    let (store, _, _) = wired();
    let prefix = |text| KeyPrefix::new(text).expect("a prefix");
    let make = |text| {
        store
            .create(NewKey::new("a").prefix(prefix(text)))
            .expect("made")
    };
    let (live, test) = (make("acme_live"), make("acme_test"));
    let any = ApiKeys::new(store.clone());
    let strict = ApiKeys::builder(store.clone())
        .prefixes([prefix("acme_live"), prefix("other")])
        .build()
        .expect("valid settings");
    assert_eq!(send_key(&any, live.key().expose()).await.status, 200);
    assert_eq!(send_key(&any, test.key().expose()).await.status, 200);
    assert_eq!(send_key(&strict, live.key().expose()).await.status, 200);
    assert_eq!(send_key(&strict, test.key().expose()).await.status, 401);
    // The digest covers the prefix, so another prefix makes another key even with a valid checksum.
    let text = live.key().expose().replacen("acme_live", "other", 1);
    let renamed = with_checksum(&text[..text.len() - 6]);
    assert_eq!(send_key(&strict, &renamed).await.status, 401);
    assert_eq!(send_key(&any, &renamed).await.status, 401);
}

#[tokio::test]
async fn missing_pepper_is_503() {
    let pepper = |fill| Secret::new(vec![fill; 32]);
    let first = Peppers::new(1, &pepper(1)).expect("long enough");
    let second = Peppers::new(2, &pepper(2)).expect("long enough");
    let store = MemoryStore::new();
    let plain = store.create(NewKey::new("a")).expect("made");
    let peppered = store.clone().peppers(first.clone());
    let peppered = peppered.create(NewKey::new("a")).expect("made");
    let status = async |peppers: Option<&Peppers>| {
        let keys = ApiKeys::builder(store.clone());
        let keys = match peppers {
            Some(peppers) => keys.peppers(peppers.clone()),
            None => keys,
        };
        let keys = keys.build().expect("valid settings");
        let plain = send_key(&keys, plain.key().expose()).await;
        let peppered = send_key(&keys, peppered.key().expose()).await;
        assert_eq!(plain.status, 200, "peppers can be introduced");
        (peppered.status.as_u16(), peppered.retry_after.is_some())
    };
    assert_eq!(status(Some(&first)).await, (200, false));
    assert_eq!(status(None).await, (503, true));
    assert_eq!(status(Some(&second)).await, (503, true));
    let both = second
        .with_previous(1, &pepper(1))
        .expect("another version");
    assert_eq!(status(Some(&both)).await, (200, false));
    let wrong = Peppers::new(1, &pepper(3)).expect("long enough");
    assert_eq!(status(Some(&wrong)).await, (401, false));
}

#[tokio::test]
async fn key_header_is_removed() {
    let (store, keys, _) = wired();
    let key = store.create(NewKey::new("a")).expect("made");
    let service = tower::ServiceBuilder::new()
        .layer(AuthenticateLayer::new(keys))
        .service_fn(|request: http::Request<()>| async move {
            assert!(request.headers().is_empty(), "{:?}", request.headers());
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        });
    let request = http::Request::builder()
        .header("X-API-Key", key.key().expose())
        .body(())
        .expect("a request");
    let response = tower::ServiceExt::oneshot(service, request).await;
    assert_eq!(response.expect("infallible").status(), 200);
}

#[tokio::test]
async fn two_schemes_over_one_store_keep_their_realms() {
    let (store, _, _) = wired();
    let key = store.create(NewKey::new("a")).expect("made");
    const ADMIN: Scope = Scope::from_static("admin");
    for realm in ["one", "two", "one"] {
        let keys = ApiKeys::builder(store.clone())
            .realm(realm)
            .build()
            .expect("valid settings");
        let service = tower::ServiceBuilder::new()
            .layer(AuthenticateLayer::new(keys))
            .layer(RequireScopeLayer::all([ADMIN]))
            .service_fn(|_: http::Request<()>| async move {
                Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
            });
        let request = http::Request::builder()
            .header("x-api-key", key.key().expose())
            .body(())
            .expect("a request");
        let response = tower::ServiceExt::oneshot(service, request).await;
        let response = response.expect("infallible");
        assert_eq!(response.status(), 403);
        let challenge = response.headers()["www-authenticate"]
            .to_str()
            .expect("ASCII");
        let expected =
            format!("ApiKey realm=\"{realm}\", header=\"x-api-key\", error=\"insufficient_scope\"");
        assert!(challenge.starts_with(&expected), "{challenge}");
    }
}

#[test]
fn header_with_another_meaning_is_rejected() {
    for name in [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "dpop",
        "x-forwarded-for",
        "grpc-timeout",
        "sec-websocket-key",
    ] {
        let header = HeaderName::from_static(name);
        let error = ApiKeys::builder(MemoryStore::new()).header(header).build();
        let error = error.expect_err(name);
        assert_eq!(error.setting(), "header");
        assert!(error.problem().contains(name) && error.problem().contains("x-api-key"));
    }
    let error = ApiKeys::builder(MemoryStore::new()).realm("ü").build();
    assert_eq!(error.expect_err("no realm").setting(), "realm");
}

#[test]
fn two_schemes_on_one_header_are_rejected() {
    let both = (
        ApiKeys::new(MemoryStore::new()),
        ApiKeys::new(MemoryStore::new()),
    );
    assert_eq!(
        AuthenticateLayer::any_of(both)
            .expect_err("the same header")
            .setting(),
        "schemes"
    );
}

#[tokio::test]
async fn key_in_query_string_is_ignored() {
    let (store, keys, _) = wired();
    let key = store.create(NewKey::new("a")).expect("made");
    let layer = AuthenticateLayer::new(keys);
    for name in ["x-api-key", "api_key", "apikey", "key", "access_token"] {
        let uri = format!("/?{name}={}", key.key().expose());
        let answer = send_to(&layer, &uri, &[]).await;
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.challenge.as_deref(),
            Some(r#"ApiKey realm="api", header="x-api-key""#)
        );
    }
}
