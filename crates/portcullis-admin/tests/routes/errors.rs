use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, body::Body};
use http::{Method, Request};
use portcullis_admin::KeyAdmin;
use portcullis_api_key::{
    ApiKeyId, ApiKeys, Created, Imported, IssuedKey, KeyManager, KeyPage, KeyQuery, KeyRecord,
    ManageError, MemoryStore, NewKey,
};
use portcullis_core::{AuthenticateLayer, clock::UnixTime};
use serde_json::json;

use crate::support::{BASE, Service, send};

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn without_an_authenticate_layer_guarded_routes_are_500() {
    let admin = KeyAdmin::new(Arc::new(MemoryStore::new()))
        .build()
        .expect("good settings");
    let id = "/000000000000";
    for (method, path) in [
        (Method::GET, "/".to_owned()),
        (Method::POST, "/".to_owned()),
        (Method::GET, id.to_owned()),
        (Method::POST, format!("{id}/rotate")),
        (Method::POST, format!("{id}/revoke")),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(&path)
            .body(Body::empty());
        send(&admin, request.expect("a request")).await.problem(500);
    }
    assert_eq!(send(&admin, get("/openapi.json")).await.status, 200);
}

#[tokio::test]
async fn optional_layer_in_front_keeps_the_description_public() {
    let store = MemoryStore::new();
    let layer = AuthenticateLayer::new(ApiKeys::new(store.clone())).optional();
    let admin = KeyAdmin::new(Arc::new(store))
        .build()
        .expect("good settings");
    let app = Router::new().nest(BASE, admin).layer(layer);
    let answer = send(&app, get(BASE)).await;
    answer.problem(401);
    assert_eq!(
        answer.header("www-authenticate"),
        r#"ApiKey realm="api", header="x-api-key""#
    );
    assert_eq!(
        send(&app, get("/admin/keys/openapi.json")).await.status,
        200
    );
}

#[tokio::test]
async fn caller_without_a_valid_key_is_401() {
    let service = Service::start();
    service.send(get(BASE)).await.problem(401);
    let request = Request::get(BASE)
        .header("x-api-key", "x")
        .body(Body::empty());
    service.send(request.expect("a request")).await.problem(401);
}

#[tokio::test]
async fn other_media_type_is_415() {
    let service = Service::start();
    let admin = service.admin();
    let send = async |path: &str, media_types: &[&str], body: &str| {
        let mut request = admin.request(Method::POST, path);
        for media_type in media_types {
            request = request.header("content-type", *media_type);
        }
        let request = request.body(Body::from(body.to_owned()));
        service.send(request.expect("a request")).await
    };
    let revoke = format!("/{}/revoke", service.caller("a", "").id);
    let body = r#"{"owner":"a"}"#;
    for media_types in [
        &[][..],
        &["text/plain"],
        &["application/x-www-form-urlencoded"],
        &["application/json-patch+json"],
        &["application/jso"],
        &["application/json", "application/json"],
    ] {
        send("", media_types, body).await.problem(415);
        send(&revoke, media_types, "{}").await.problem(415);
    }
    send(&revoke, &["text/plain"], "").await.problem(415);
    for media_type in ["application/json", "Application/JSON; charset=utf-8"] {
        assert_eq!(send("", &[media_type], body).await.status, 201);
    }
    assert_eq!(
        send(&revoke, &[], "").await.status,
        200,
        "the reason is optional"
    );
}

#[tokio::test]
async fn body_that_is_not_a_json_object_is_refused() {
    let service = Service::start();
    let admin = service.admin();
    for (body, status) in [
        ("", 422),
        ("{", 400),
        (r#"{"owner":"a"}x"#, 400),
        ("\u{feff}{}", 400),
        ("[\"a\"]", 422),
        ("null", 422),
        ("\"a\"", 422),
        (r#"{"owner":"a","owner":"b"}"#, 422),
        (r#"{"owner":"\ud800"}"#, 400),
    ] {
        let request = admin
            .request(Method::POST, "")
            .header("content-type", "application/json");
        let request = request.body(Body::from(body)).expect("a request");
        service.send(request).await.problem(status);
    }
    assert_eq!(service.store.list().len(), 1);
}

#[tokio::test]
async fn large_body_is_413() {
    let service = Service::start();
    let admin = service.admin();
    for (padding, status) in [(16 * 1024 - 13, 201), (16 * 1024 - 12, 413), (1 << 20, 413)] {
        let request = admin
            .request(Method::POST, "")
            .header("content-type", "application/json");
        let body = format!(r#"{{"owner":"a"}}{}"#, " ".repeat(padding));
        let request = request.body(Body::from(body)).expect("a request");
        assert_eq!(service.send(request).await.status, status, "{padding}");
    }
}

#[tokio::test]
async fn change_that_another_site_sends_is_403() {
    let service = Service::start();
    let admin = service.admin();
    for (site, status) in [
        ("cross-site", 403),
        ("Same-Origin", 403),
        ("", 403),
        ("same-origin", 201),
        ("same-site", 201),
        ("none", 201),
    ] {
        let header = [("sec-fetch-site", site)];
        let answer = admin.post_with("", json!({"owner": "a"}), &header).await;
        assert_eq!(answer.status, status, "{site}");
        let request = admin
            .request(Method::GET, "")
            .header("sec-fetch-site", site);
        let answer = service
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(answer.status, 200, "{site}");
    }
}

#[tokio::test]
async fn other_method_is_405_and_other_path_404() {
    let service = Service::start();
    let admin = service.admin();
    for (path, allow) in [
        ("", "GET,HEAD,POST"),
        ("/000000000000", "GET,HEAD"),
        ("/000000000000/rotate", "POST"),
        ("/openapi.json", "GET,HEAD"),
    ] {
        let request = admin.request(Method::DELETE, path).body(Body::empty());
        let answer = service.send(request.expect("a request")).await;
        answer.problem(405);
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    admin.get("/000000000000/x").await.problem(404);
    admin.get("/000000000000/rotate/").await.problem(404);
}

/// A store that fails.
struct Broken;

#[async_trait]
impl KeyManager for Broken {
    async fn create(&self, _: NewKey) -> Result<Created, ManageError> {
        failure()
    }
    async fn import(&self, _: Vec<KeyRecord>) -> Result<Imported, ManageError> {
        failure()
    }
    async fn get(&self, _: &ApiKeyId) -> Result<Option<KeyRecord>, ManageError> {
        failure()
    }
    async fn page(&self, _: &KeyQuery) -> Result<KeyPage, ManageError> {
        failure()
    }
    async fn rotate(&self, _: &ApiKeyId, _: Duration) -> Result<IssuedKey, ManageError> {
        failure()
    }
    async fn revoke(&self, _: &ApiKeyId, _: Option<&str>) -> Result<KeyRecord, ManageError> {
        failure()
    }
    async fn purge(&self, _: UnixTime) -> Result<u64, ManageError> {
        failure()
    }
}

fn failure<T>() -> Result<T, ManageError> {
    Err(ManageError::Store("no route to 10.1.2.3".into()))
}

#[tokio::test]
async fn failing_store_is_503_without_the_reason() {
    let service = Service::over(|_| Arc::new(Broken));
    let admin = service.admin();
    let id = &admin.id;
    for answer in [
        admin.get("").await,
        admin.get(&format!("/{id}")).await,
        admin.post("", json!({"owner": "a"})).await,
        admin.post(&format!("/{id}/rotate"), json!({})).await,
        admin.post(&format!("/{id}/revoke"), json!({})).await,
    ] {
        let problem = answer.problem(503);
        assert!(!problem.contains("10.1.2.3"), "{problem}");
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((2..=10).contains(&wait), "{wait}");
    }
}
