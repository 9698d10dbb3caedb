use serde_json::json;

use crate::support::Service;

#[tokio::test]
async fn created_key_is_shown_once_and_works() {
    let service = Service::start();
    let admin = service.admin();
    let asked = json!({
        "owner": "billing", "name": "nightly", "scopes": ["orders:read", "keys:read"], "expires_in": "90d",
        "tags": ["prod", "eu"], "networks": ["192.0.2.0/24", "2001:db8::1"], "prefix": "acme_live",
        "limit": {"requests": 100, "period_seconds": 60.0}
    });
    let answer = admin.post("", asked).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let created = answer.json();
    let id = created["id"].as_str().expect("an id");
    assert_eq!(answer.header("location"), format!("/admin/keys/{id}"));
    let key = created["key"].as_str().expect("the key");
    assert!(key.starts_with(&format!("acme_live_{id}_")));

    let mut shown = admin.get(&format!("/{id}")).await.json();
    let mut expected = created.clone();
    expected.as_object_mut().expect("an object").remove("key");
    assert_eq!(shown, expected);
    shown["id"] = json!("[id]");
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).expect("JSON"));
}

#[tokio::test]
async fn only_the_owner_is_required() {
    let service = Service::start();
    let created = service.admin().create(json!({"owner": "billing"})).await;
    assert_eq!(created["expires_at"], "2028-01-15T08:00:00Z", "365 days");
    assert_eq!(created["scopes"], json!([]));
    assert_eq!(created["name"], "");
    assert_eq!(created["prefix"], "portcullis");
    let problem = service.admin().post("", json!({})).await.problem(422);
    assert!(problem.contains("owner"), "{problem}");
}

#[tokio::test]
async fn lifetime_is_a_text_or_seconds() {
    let service = Service::start();
    let admin = service.admin();
    for (expires_in, expires_at) in [
        (json!("1d"), json!("2027-01-16T08:00:00Z")),
        (json!(3600), json!("2027-01-15T09:00:00Z")),
        (json!(60.0), json!("2027-01-15T08:01:00Z")),
        (json!("never"), json!(null)),
    ] {
        let created = admin
            .create(json!({"owner": "a", "expires_in": expires_in}))
            .await;
        assert_eq!(created["expires_at"], expires_at, "{expires_in}");
    }
    for bad in [
        json!("90"),
        json!("0d"),
        json!(0),
        json!(-1),
        json!(1.5),
        json!("1w"),
        json!("01d"),
        json!("-1d"),
        json!("100000d"),
        json!(8_639_913_601_u64),
        json!("NEVER"),
        json!(""),
        json!([]),
        json!(true),
    ] {
        let answer = admin
            .post("", json!({"owner": "a", "expires_in": bad}))
            .await;
        answer.problem(422);
    }
}

#[tokio::test]
async fn value_that_does_not_fit_is_422() {
    let service = Service::start();
    let admin = service.admin();
    let many = |count: usize| {
        (0..count)
            .map(|number| format!("t{number}"))
            .collect::<Vec<_>>()
    };
    for (field, value) in [
        ("owner", json!(" ")),
        ("owner", json!("a\nb")),
        ("owner", json!(null)),
        ("name", json!("a".repeat(129))),
        ("scopes", json!(["a b"])),
        ("scopes", json!("a b")),
        ("scopes", json!([""])),
        ("scopes", json!(many(65))),
        ("scopes", json!(["s".repeat(129)])),
        ("tags", json!([" "])),
        ("tags", json!(many(33))),
        ("networks", json!(["192.0.2.1/24"])),
        ("networks", json!(["localhost"])),
        ("prefix", json!("Acme")),
        ("limit", json!({"requests": 0, "period_seconds": 60})),
        ("limit", json!({"requests": 1.5, "period_seconds": 60})),
        (
            "limit",
            json!({"requests": 4_294_967_296_u64, "period_seconds": 60}),
        ),
        ("limit", json!({"requests": -1, "period_seconds": 60})),
        ("limit", json!({"requests": 1, "period_seconds": 86_401})),
        (
            "limit",
            json!({"requests": 1, "period_seconds": 1, "burst": 0}),
        ),
        (
            "limit",
            json!({"requests": 1, "period_seconds": 1, "brust": 1}),
        ),
        ("ownr", json!("a")),
    ] {
        let mut body = json!({"owner": "a"});
        body[field] = value;
        admin.post("", body.clone()).await.problem(422);
    }
    assert_eq!(service.store.list().len(), 1, "only the caller's own key");
}

#[tokio::test]
async fn replay_returns_the_metadata_without_the_secret() {
    let service = Service::start();
    let admin = service.admin();
    let idempotency = [("idempotency-key", "6ba7b810-9dad")];
    let body = json!({"owner": "billing", "tags": ["x"]});
    let first = admin.post_with("", body.clone(), &idempotency).await;
    assert_eq!(first.status, 201);
    let replay = admin.post_with("", body.clone(), &idempotency).await;
    assert_eq!(replay.status, 200, "{replay:?}");
    let mut expected = first.json();
    expected.as_object_mut().expect("an object").remove("key");
    assert_eq!(replay.json(), expected);
    assert_eq!(service.store.list().len(), 2);

    let other = json!({"owner": "billing", "tags": ["y"]});
    let problem = admin.post_with("", other, &idempotency).await.problem(422);
    assert!(problem.contains("idempotency key"), "{problem}");
}

#[tokio::test]
async fn idempotency_keys_of_callers_are_separate() {
    let service = Service::start();
    let idempotency = [("idempotency-key", "1")];
    let body = json!({"owner": "billing"});
    let one = service.caller("one", "keys:admin");
    let other = service.caller("two", "keys:admin");
    let same_owner = service.caller("one", "keys:admin");
    let first = one.post_with("", body.clone(), &idempotency).await;
    assert_eq!(first.status, 201);
    assert_eq!(
        other.post_with("", body.clone(), &idempotency).await.status,
        201
    );
    // A rotated key of the same owner may repeat the request.
    assert_eq!(
        same_owner.post_with("", body, &idempotency).await.status,
        200
    );
}

#[tokio::test]
async fn malformed_idempotency_key_is_400() {
    let service = Service::start();
    let admin = service.admin();
    let body = json!({"owner": "billing"});
    let long = "x".repeat(256);
    for headers in [
        &[("idempotency-key", "")][..],
        &[("idempotency-key", "a b")],
        &[("idempotency-key", &long)],
        &[("idempotency-key", "a"), ("idempotency-key", "a")],
    ] {
        admin
            .post_with("", body.clone(), headers)
            .await
            .problem(400);
    }
    assert_eq!(service.store.list().len(), 1);
}
