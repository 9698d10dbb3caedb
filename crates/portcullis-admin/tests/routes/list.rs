use std::time::Duration;

use serde_json::json;

use crate::support::Service;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn pages_are_followed_by_cursor() {
    let service = Service::start();
    let admin = service.admin();
    let mut created = vec![admin.id.clone()];
    for number in 0..6 {
        service.clock.advance(Duration::from_millis(1));
        let key = admin
            .create(json!({"owner": format!("owner {number}")}))
            .await;
        created.push(key["id"].as_str().expect("an id").to_owned());
    }
    created.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("?limit=3&cursor={cursor}");
        seen.extend(admin.ids(&query).await);
        let page = admin.get(&query).await.json();
        assert_eq!(
            page["keys"].as_array().map(Vec::len),
            Some(if seen.len() < 7 { 3 } else { 1 })
        );
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, created, "the newest first");
}

#[tokio::test]
async fn page_has_50_keys_by_default() {
    let service = Service::start();
    let admin = service.admin();
    for _ in 0..50 {
        service.caller("a", "");
    }
    assert_eq!(admin.ids("").await.len(), 50);
    assert_eq!(admin.ids("?limit=200").await.len(), 51);
}

#[tokio::test]
async fn keys_are_selected_by_state_owner_and_text() {
    let service = Service::start();
    let admin = service.admin();
    let create = async |body| {
        let created = admin.create(body).await;
        created["id"].as_str().expect("an id").to_owned()
    };
    let soon = create(json!({"owner": "a", "expires_in": "13d", "name": "Nightly"})).await;
    let later = create(json!({"owner": "a", "expires_in": "15d", "tags": ["prod-eu"]})).await;
    let revoked = create(json!({"owner": "b"})).await;
    let ended = create(json!({"owner": "b", "expires_in": "1h"})).await;
    admin.post(&format!("/{revoked}/revoke"), json!({})).await;
    service.clock.advance(DAY / 2);
    for (query, expected) in [
        ("?state=expiring", vec![&soon]),
        ("?state=expired", vec![&ended]),
        ("?state=revoked", vec![&revoked]),
        ("?state=active&owner=a", vec![&later, &soon]),
        ("?owner=a&state=&q=&limit=&cursor=", vec![&later, &soon]),
        ("?owner=b", vec![&ended, &revoked]),
        ("?owner=B", vec![]),
        ("?q=nightly", vec![&soon]),
        ("?q=PROD-", vec![&later]),
        ("?q=a%00", vec![]),
    ] {
        let mut ids = admin.ids(query).await;
        let mut expected: Vec<_> = expected.into_iter().cloned().collect();
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected, "{query}");
    }
    assert_eq!(admin.ids(&format!("?q={}", &soon[..6])).await, [soon]);
}

#[tokio::test]
async fn malformed_parameter_is_400() {
    let service = Service::start();
    let admin = service.admin();
    for query in [
        "?limit=0",
        "?limit=201",
        "?limit=-1",
        "?limit=x",
        "?limit=99999999999",
        "?state=live",
        "?cursor=x",
        "?cursor=1-4fXq0ZbT9kL",
        "?cursor=+1-4fXq0ZbT9kLm",
        "?owner=a&owner=b",
        "?ownr=a",
    ] {
        admin.get(query).await.problem(400);
    }
}
