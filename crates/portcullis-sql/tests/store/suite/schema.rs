use portcullis_api_key::{KeyManager, KeySource, NewKey};
use portcullis_sql::ConnectError;

use crate::fixture::{Fixture, create};

pub(crate) async fn two_migrations_at_once_succeed(fixture: &Fixture) {
    let (one, two, three) = tokio::join!(fixture.store(), fixture.store(), fixture.store());
    create(&one, NewKey::new("a")).await;
    create(&two, NewKey::new("a")).await;
    assert_eq!(three.ids(None, 9).await.expect("ids").len(), 2);
    let again = fixture
        .builder()
        .connect()
        .await
        .expect("connected without migrating");
    assert_eq!(again.ids(None, 9).await.expect("ids").len(), 2);
}

pub(crate) async fn missing_tables_are_reported(fixture: &Fixture) {
    fixture.store().await;
    fixture
        .sql("UPDATE portcullis_migrations SET version = 99")
        .await;
    let newer = fixture.builder().connect().await.expect_err("newer tables");
    assert!(newer.to_string().contains("update this program"), "{newer}");
    fixture.sql("DROP TABLE portcullis_migrations").await;
    let missing = fixture.builder().connect().await.expect_err("no tables");
    assert!(matches!(missing, ConnectError::Schema(_)), "{missing:?}");
    assert!(missing.to_string().contains("migrate(true)"), "{missing}");
}

pub(crate) async fn tables_hold_no_key(fixture: &Fixture) {
    let store = fixture.store().await;
    let first = create(&store, NewKey::new("a")).await;
    let second = store
        .rotate(&first.record().id, std::time::Duration::ZERO)
        .await
        .expect("rotated");
    for key in [first.key(), second.key()] {
        let secret = key
            .expose()
            .rsplit('_')
            .next()
            .expect("a secret")
            .to_owned();
        for column in [
            "digest", "prefix", "owner", "name", "tags", "scopes", "networks", "id",
        ] {
            let holds = format!(
                "SELECT count(*) FROM portcullis_keys WHERE {column} LIKE '%{}%'",
                &secret[..20]
            );
            assert_eq!(fixture.number(&holds).await, 0, "{column}");
        }
    }
}
