mod bus;
mod crash;
mod rights;
mod wait;

use portcullis_test_servers::PostgreSql;

use crate::{fixture::Fixture, suite::suite};

/// A new database of the server that all tests share.
pub(crate) async fn fixture() -> Fixture {
    let database = tokio::task::spawn_blocking(|| PostgreSql::shared().database());
    Fixture::postgres(&database.await.expect("created"))
}

suite!(fixture().await);

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_in_the_schema_of_the_url() {
    let fixture = fixture().await;
    fixture.sql("CREATE SCHEMA tenant").await;
    let url = format!("{}?options[search_path]=tenant", fixture.url);
    let connect = |url: &str| {
        let builder = portcullis_sql::SqlStore::builder(url).migrate(true);
        builder
            .password(portcullis_core::Secret::new(PostgreSql::PASSWORD))
            .connect()
    };
    let store = connect(&url).await.expect("connected");
    crate::fixture::create(&store, portcullis_api_key::NewKey::new("a")).await;
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'tenant' AND tablename LIKE 'portcullis%'";
    assert_eq!(fixture.number(tables).await, 4);
    let other = connect(&fixture.url).await.expect("connected");
    assert_eq!(crate::fixture::revision(&other).await, 0);
}
