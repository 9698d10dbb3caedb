use portcullis_api_key::{KeyManager, KeySource, NewKey};
use portcullis_test_servers::PostgreSql;
use tokio::task::JoinSet;

use crate::{
    crash::{Done, change_until_failure, check},
    fixture::{Fixture, create, fetch},
};

async fn own_server() -> (PostgreSql, Fixture) {
    let start = || {
        let server = PostgreSql::start();
        let database = server.database();
        (server, database)
    };
    let (server, database) = tokio::task::spawn_blocking(start).await.expect("started");
    (server, Fixture::postgres(&database))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_leaves_no_half_change() {
    let (mut server, fixture) = own_server().await;
    for round in 0..3 {
        let store = fixture.store().await;
        let (report, done) = tokio::sync::mpsc::unbounded_channel();
        let mut changing = JoinSet::new();
        changing.spawn(change_until_failure(store, report));
        let mut done: Done = Done::after(done, 40 + 17 * round).await;
        tokio::task::block_in_place(|| server.kill());
        changing
            .join_next()
            .await
            .expect("a task")
            .expect("ended by a failure");
        done.drain();
        tokio::task::block_in_place(|| server.start_again());
        check(&fixture, &done).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_server_is_used_again() {
    let (mut server, fixture) = own_server().await;
    let store = fixture.store().await;
    let id = create(&store, NewKey::new("a")).await.record().id;
    let (one, two, three) = tokio::join!(store.fetch(&id), store.fetch(&id), store.get(&id));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    tokio::task::block_in_place(|| server.kill());
    let error = store.fetch(&id).await.expect_err("no server").to_string();
    assert!(error.contains("could not read the API key"), "{error}");
    assert!(store.create(NewKey::new("b")).await.is_err());
    tokio::task::block_in_place(|| server.start_again());
    for _ in 0..5 {
        fetch(&store, &id).await;
    }
    create(&store, NewKey::new("c")).await;
}
