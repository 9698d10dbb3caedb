use serde_json::json;

use crate::support::Service;

const OWN: &str = "keys:read keys:write orders:read";

#[tokio::test]
async fn each_route_requires_its_scope() {
    let service = Service::start();
    let key = service.caller("billing", "");
    let id = &key.id;
    for (scopes, may_read, may_write) in [
        ("", false, false),
        ("keys:introspect orders:read", false, false),
        ("keys:read", true, false),
        ("keys:write", false, true),
        ("keys:admin", true, true),
    ] {
        let caller = service.caller("billing", scopes);
        for path in [String::new(), format!("/{id}")] {
            let answer = caller.get(&path).await;
            match may_read {
                true => assert_eq!(answer.status, 200, "{scopes} {path}"),
                false => {
                    assert_eq!(
                        answer.problem(403),
                        "insufficient scope: keys:read required"
                    );
                }
            }
        }
        let create = caller.post("", json!({"owner": "billing"})).await;
        let rotate = caller.post(&format!("/{id}/rotate"), json!({})).await;
        let revoke = caller
            .post(&format!("/{}/revoke", caller.id), json!({}))
            .await;
        for answer in [create, rotate, revoke] {
            match may_write {
                true => assert!(
                    answer.status.is_success() || answer.status == 409,
                    "{scopes}"
                ),
                false => {
                    assert_eq!(
                        answer.problem(403),
                        "insufficient scope: keys:write required"
                    );
                    let challenge = answer.header("www-authenticate");
                    assert!(challenge.contains(r#"scope="keys:write""#), "{challenge}");
                }
            }
        }
    }
}

#[tokio::test]
async fn another_owners_key_looks_as_if_it_did_not_exist() {
    let service = Service::start();
    let caller = service.caller("billing", OWN);
    let foreign = service.caller("payroll", "orders:read").id;
    let unknown = "000000000000";
    let mut answers = Vec::new();
    for id in [&*foreign, unknown, "x", "%ff"] {
        let show = caller.get(&format!("/{id}")).await;
        let rotate = caller.post(&format!("/{id}/rotate"), json!({})).await;
        let revoke = caller.post(&format!("/{id}/revoke"), json!({})).await;
        answers.push([show, rotate, revoke].map(|answer| answer.problem(404)));
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    let ids = caller.ids("").await;
    assert_eq!(ids, [caller.id.as_str()]);
    assert_eq!(caller.ids("?q=payroll").await, [""; 0]);
    assert!(
        service
            .store
            .list()
            .iter()
            .all(|record| record.revoked_at.is_none())
    );
    assert_eq!(
        service.admin().get(&format!("/{foreign}")).await.status,
        200
    );
}

#[tokio::test]
async fn only_an_admin_acts_for_another_owner() {
    let service = Service::start();
    let caller = service.caller("billing", OWN);
    for owner in ["payroll", "Billing", "nobody"] {
        let list = caller.get(&format!("?owner={owner}")).await;
        let create = caller.post("", json!({"owner": owner})).await;
        for answer in [list, create] {
            assert_eq!(
                answer.problem(403),
                "insufficient scope: keys:admin required"
            );
            assert_eq!(answer.json()["error"], "insufficient_scope");
        }
    }
    assert_eq!(caller.ids("?owner=billing").await.len(), 1);
    caller.create(json!({"owner": "billing"})).await;
    service.admin().create(json!({"owner": "payroll"})).await;
}

#[tokio::test]
async fn nobody_grants_a_scope_that_they_lack() {
    let service = Service::start();
    let caller = service.caller("billing", OWN);
    let granted = json!({"owner": "billing", "scopes": ["orders:read", "keys:write"]});
    caller.create(granted).await;
    for scope in [
        "orders:write",
        "keys:admin",
        "orders:rea",
        "orders:read:all",
    ] {
        let answer = caller
            .post(
                "",
                json!({"owner": "billing", "scopes": ["orders:read", scope]}),
            )
            .await;
        assert_eq!(
            answer.problem(403),
            format!("insufficient scope: {scope} required")
        );
        assert_eq!(answer.json()["scope"], scope);
    }
    let admin = service.admin();
    admin
        .create(json!({"owner": "billing", "scopes": ["orders:write", "keys:admin"]}))
        .await;
}

#[tokio::test]
async fn rotation_yields_no_scope_that_the_caller_lacks() {
    let service = Service::start();
    let strong = service.caller("billing", "orders:write").id;
    let caller = service.caller("billing", OWN);
    let answer = caller.post(&format!("/{strong}/rotate"), json!({})).await;
    assert_eq!(
        answer.problem(403),
        "insufficient scope: orders:write required"
    );
    assert_eq!(
        caller.get(&format!("/{strong}")).await.json()["successor"],
        json!(null)
    );
    // To revoke it, its scopes are not needed.
    let answer = caller.post(&format!("/{strong}/revoke"), json!({})).await;
    assert_eq!(answer.status, 200);
    let other = service.caller("billing", "orders:write").id;
    let answer = service
        .admin()
        .post(&format!("/{other}/rotate"), json!({}))
        .await;
    assert_eq!(answer.status, 201);
}
