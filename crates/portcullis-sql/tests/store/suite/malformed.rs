use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use portcullis_api_key::{ApiKeys, KeyManager, KeyQuery, KeySource, MemoryStore, NewKey};
use portcullis_core::AuthenticateLayer;
use tower::{Layer, ServiceExt, service_fn};

use crate::fixture::{Fixture, START, create};

/// Each breaks one column. SQLite and PostgreSQL refuse values of another type themselves.
const DAMAGES: [&str; 9] = [
    "digest = 'sha256:ab'",
    "owner = ''",
    "scopes = 'orders:read \"'",
    "networks = '192.0.2.0/33'",
    "expires_ms = -1",
    "successor = 'x'",
    "limit_requests = 0, limit_period_ms = 60000, limit_burst = 1",
    "idempotency_key = '12'",
    "prefix = 'A'",
];

pub(crate) async fn malformed_row_is_named_and_not_skipped(fixture: &Fixture) {
    let store = fixture.store().await;
    for damage in DAMAGES {
        let id = create(&store, NewKey::new("a")).await.record().id;
        let damage = match fixture.is_postgres() {
            true => damage.to_owned(),
            false => damage.replace("'12'", "x'3132'"),
        };
        fixture
            .sql(&format!(
                "UPDATE portcullis_keys SET {damage} WHERE id = '{id}'"
            ))
            .await;
        let column = damage.split(' ').next().expect("a column");
        let column = column.split('_').next().expect("a word");
        let fetched = store.fetch(&id).await.expect_err("malformed").to_string();
        let listed = store
            .page(&KeyQuery::new(START))
            .await
            .expect_err("malformed")
            .to_string();
        let revoked = store
            .revoke(&id, None)
            .await
            .expect_err("malformed")
            .to_string();
        for error in [fetched, listed, revoked] {
            assert!(
                error.contains(id.as_str()) && error.contains(column),
                "{damage}: {error}"
            );
        }
        fixture
            .sql(&format!("DELETE FROM portcullis_keys WHERE id = '{id}'"))
            .await;
    }
}

pub(crate) async fn malformed_row_does_not_block_the_changes(fixture: &Fixture) {
    let store = fixture.store().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(create(&store, NewKey::new("a")).await.record().id);
    }
    fixture
        .sql(&format!(
            "UPDATE portcullis_keys SET digest = 'x' WHERE id = '{}'",
            ids[0]
        ))
        .await;
    fixture
        .sql(&format!(
            "UPDATE portcullis_keys SET id = 'no id' WHERE id = '{}'",
            ids[1]
        ))
        .await;
    let changes = store.changes(0, 10).await.expect("changes");
    let seen: Vec<_> = changes
        .iter()
        .map(|record| (record.id, record.revision))
        .collect();
    assert_eq!(seen, [(ids[0], 1), (ids[2], 3)]);
    let mut listed = store.ids(None, 10).await.expect("ids");
    listed.sort_by_key(|id| ids.iter().position(|other| other == id));
    assert_eq!(listed, [ids[0], ids[2]]);
}

pub(crate) async fn malformed_row_answers_503(fixture: &Fixture) {
    let store = fixture.store().await;
    let issued = create(&store, NewKey::new("a")).await;
    fixture
        .sql("UPDATE portcullis_keys SET owner = '', revoked_ms = 1")
        .await;
    let memory = MemoryStore::new();
    memory
        .insert(store.changes(0, 10).await.expect("changes"))
        .expect("stored");
    let layer = AuthenticateLayer::new(ApiKeys::new(memory));
    let service = layer.layer(service_fn(async |_: Request<String>| {
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let request = Request::builder()
        .header("X-API-Key", issued.key().expose())
        .body(String::new());
    let response = service
        .oneshot(request.expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}
