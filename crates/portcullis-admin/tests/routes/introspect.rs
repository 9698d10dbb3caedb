use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{Method, Request};
use portcullis_admin::KeyAdmin;
use portcullis_api_key::{
    ApiKeyId, ApiKeys, KeyRecord, KeyStore, Lookup, MemoryStore, NewKey, StoreError,
};
use portcullis_core::AuthenticateLayer;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, NOW, Service, send};

const FORM: &str = "application/x-www-form-urlencoded";

async fn post(service: &Service, caller: &Caller<'_>, form: String) -> Answer {
    let request = caller
        .request(Method::POST, "/introspect")
        .header("content-type", FORM);
    service
        .send(request.body(Body::from(form)).expect("a request"))
        .await
}

async fn introspect(service: &Service, caller: &Caller<'_>, key: &str) -> Value {
    let answer = post(service, caller, format!("token={key}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

#[tokio::test]
async fn active_key_is_described() {
    let service = Service::start();
    let introspector = service.caller("orders", "keys:introspect");
    let created = service
        .admin()
        .create(json!({
            "owner": "billing", "scopes": ["b", "a"], "expires_in": "1h", "networks": ["192.0.2.0/24"],
            "name": "nightly", "limit": {"requests": 5, "period_seconds": 60, "burst": 9}
        }))
        .await;
    let key = created["key"].as_str().expect("the key");
    let answer = introspect(&service, &introspector, key).await;
    let expected = json!({
        "active": true,
        "sub": "billing",
        "client_id": created["id"],
        "scope": "a b",
        "exp": 1_800_003_600,
        "iat": 1_800_000_000,
        "token_type": "api-key",
        "expires_at": "2027-01-15T09:00:00Z",
        "name": "nightly",
        "prefix": "portcullis",
        "networks": ["192.0.2.0/24"],
        "limit": {"requests": 5, "period_seconds": 60, "burst": 9},
        "is_foreign": false
    });
    assert_eq!(answer, expected);
    let records = service.store.list();
    let record = records.iter().find(|record| &*record.name == "nightly");
    let last_used = record.and_then(|record| record.last_used_at);
    assert_eq!(last_used, None, "an introspection is not a use");
}

#[tokio::test]
async fn key_that_cannot_be_used_is_inactive_whatever_the_reason() {
    let service = Service::start();
    let introspector = service.caller("orders", "keys:introspect");
    let live = service.caller("a", "");
    let revoked = service.caller("a", "");
    service
        .store
        .revoke(&revoked.id.parse().expect("an id"))
        .expect("revoked");
    let expired = service
        .admin()
        .create(json!({"owner": "a", "expires_in": "1h"}))
        .await;
    service.clock.advance(Duration::from_secs(3600));
    let [unknown, forged] = [(); 2].map(|()| NewKey::new("a").issue(NOW, None).expect("issued"));
    // The live key with this id has another secret.
    let record = KeyRecord::new(forged.record().id, unknown.record().digest, "a", NOW);
    service
        .store
        .insert([record.expect("a record")])
        .expect("stored");
    for key in [
        revoked.key.as_str(),
        expired["key"].as_str().expect("the key"),
        forged.key().expose(),
        unknown.key().expose(),
        &live.key[..40],
        "x",
        "a%20b%00%ff",
    ] {
        assert_eq!(
            introspect(&service, &introspector, key).await,
            json!({"active": false}),
            "{key}"
        );
    }
    assert_eq!(
        introspect(&service, &introspector, &live.key).await["active"],
        true
    );
}

#[tokio::test]
async fn introspection_requires_its_scope_and_a_form() {
    let service = Service::start();
    let caller = service.caller("orders", "keys:read keys:write");
    let answer = post(&service, &caller, format!("token={}", caller.key)).await;
    assert_eq!(
        answer.problem(403),
        "insufficient scope: keys:introspect required"
    );
    let introspector = service.caller("orders", "keys:introspect");
    for form in ["", "token=", "tokn=x", "token=x&token=y"] {
        post(&service, &introspector, form.to_owned())
            .await
            .problem(400);
    }
    let hinted = format!("token_type_hint=access_token&token={}", caller.key);
    assert_eq!(
        post(&service, &introspector, hinted).await.json()["active"],
        true
    );
    introspector
        .post("/introspect", json!({"token": caller.key}))
        .await
        .problem(415);
    let long = format!("token={}", "x".repeat(16 * 1024));
    post(&service, &introspector, long).await.problem(413);
}

/// A store that cannot be reached.
struct Unreachable;

impl KeyStore for Unreachable {
    fn lookup(&self, _: &ApiKeyId) -> Lookup {
        Lookup::Ready(Err(StoreError::new("no route to 10.1.2.3")))
    }
}

#[tokio::test]
async fn store_that_cannot_tell_is_503() {
    let service = Service::start();
    let caller = service.caller("orders", "keys:introspect");
    let layer = AuthenticateLayer::new(ApiKeys::new(service.store.clone()));
    let admin = KeyAdmin::new(Arc::new(service.store.clone()))
        .authenticate(layer)
        .introspection(ApiKeys::new(Unreachable))
        .build()
        .expect("good settings");
    let request = Request::post("/introspect")
        .header("x-api-key", &caller.key)
        .header("content-type", FORM)
        .body(Body::from(format!("token={}", caller.key)));
    let answer = send(&admin, request.expect("a request")).await;
    assert!(!answer.problem(503).contains("10.1.2.3"));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn without_introspection_there_is_no_such_route() {
    let admin: Router = KeyAdmin::new(Arc::new(MemoryStore::new()))
        .build()
        .expect("good settings");
    let request = Request::post("/introspect").body(Body::empty());
    send(&admin, request.expect("a request")).await.problem(405);
    let request = Request::get("/openapi.json").body(Body::empty());
    let description = send(&admin, request.expect("a request")).await.json();
    assert!(description["paths"].get("/introspect").is_none());
}
