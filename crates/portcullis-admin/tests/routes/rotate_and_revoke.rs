use serde_json::json;

use crate::support::Service;

#[tokio::test]
async fn rotated_key_has_a_successor_and_a_deadline() {
    let service = Service::start();
    let admin = service.admin();
    for (body, deadline) in [
        (json!({}), "2027-01-18T08:00:00Z"),
        (json!({"grace": null}), "2027-01-18T08:00:00Z"),
        (json!({"grace": "1h"}), "2027-01-15T09:00:00Z"),
        (json!({"grace": 0}), "2027-01-15T08:00:00Z"),
    ] {
        let old = admin
            .create(json!({"owner": "a", "scopes": ["s"], "name": "n"}))
            .await;
        let id = old["id"].as_str().expect("an id");
        let answer = admin.post(&format!("/{id}/rotate"), body.clone()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let new = answer.json();
        let successor = new["id"].as_str().expect("an id");
        assert_eq!(
            answer.header("location"),
            format!("/admin/keys/{successor}")
        );
        assert!(new["key"].as_str().expect("the key").contains(successor));
        assert_eq!(
            (&new["scopes"], &new["name"]),
            (&old["scopes"], &old["name"])
        );
        let old = admin.get(&format!("/{id}")).await.json();
        assert_eq!(old["successor"], successor);
        assert_eq!(old["expires_at"], deadline, "{body}");
    }
}

#[tokio::test]
async fn ended_or_rotated_key_is_not_rotated() {
    let service = Service::start();
    let admin = service.admin();
    let rotated = service.caller("a", "").id;
    let revoked = service.caller("a", "").id;
    assert_eq!(
        admin
            .post(&format!("/{rotated}/rotate"), json!({}))
            .await
            .status,
        201
    );
    assert_eq!(
        admin
            .post(&format!("/{revoked}/revoke"), json!({}))
            .await
            .status,
        200
    );
    for id in [rotated, revoked] {
        admin
            .post(&format!("/{id}/rotate"), json!({}))
            .await
            .problem(409);
    }
    for bad in [
        json!({"grace": "never"}),
        json!({"grace": -1}),
        json!({"graec": "1h"}),
    ] {
        let id = service.caller("a", "").id;
        admin.post(&format!("/{id}/rotate"), bad).await.problem(422);
    }
}

#[tokio::test]
async fn revoked_key_has_the_first_reason() {
    let service = Service::start();
    let admin = service.admin();
    let victim = service.caller("a", "keys:read");
    let path = format!("/{}/revoke", victim.id);
    assert_eq!(victim.get("").await.status, 200);
    admin
        .post(&path, json!({"reason": "a\nb"}))
        .await
        .problem(422);
    for reason in ["leaked", "other"] {
        let answer = admin.post(&path, json!({"reason": reason})).await;
        assert_eq!(answer.status, 200);
        let record = answer.json();
        assert_eq!(record["state"], "revoked");
        assert_eq!(record["revoke_reason"], "leaked");
        assert_eq!(record["revoked_at"], "2027-01-15T08:00:00Z");
    }
    assert_eq!(victim.get("").await.status, 401);
}
