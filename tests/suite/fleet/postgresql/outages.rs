//! The database is stopped, suspended or restarted.

use portcullis_test_servers::PostgreSql;
use serde_json::json;
use tokio::time::timeout;

use super::super::instances::{Fleet, TIMEOUT, unknown_key, wish};

/// With the default of 15 minutes, a test would see nothing.
const SHORT_BOUNDS: [&str; 4] = ["--key-reachable-bound", "2", "--key-unreachable-bound", "4"];

#[tokio::test]
async fn known_keys_pass_until_the_bound_and_everything_heals() {
    let mut server = PostgreSql::start();
    let database = server.database();
    let fleet = Fleet::start(2, &database, &SHORT_BOUNDS).await;
    let known = fleet.create(0, "known").await;
    fleet.all_answer(200, &known.key, TIMEOUT).await;
    let unknown = unknown_key();
    assert_eq!(fleet.statuses(&unknown).await, [401; 2]);

    server.stop();
    assert_eq!(fleet.statuses(&known.key).await, [200; 2]);
    fleet.all_answer(503, &unknown, TIMEOUT).await;
    let refused = fleet.post(0, "", &wish("refused")).await;
    assert_eq!(refused.status, 503, "{refused:?}");

    fleet.all_answer(503, &known.key, TIMEOUT).await;
    for _ in 0..10 {
        assert_eq!(fleet.statuses(&unknown).await, [503; 2]);
        assert_eq!(fleet.statuses(&known.key).await, [503; 2]);
    }

    server.start_again();
    fleet.all_answer(200, &known.key, TIMEOUT).await;
    fleet.all_answer(401, &unknown, TIMEOUT).await;
    fleet.revoke(1, &known.id).await;
    fleet.all_answer(401, &known.key, TIMEOUT).await;
}

#[tokio::test]
async fn revocation_just_before_a_restart_is_not_lost() {
    let mut server = PostgreSql::start();
    let database = server.database();
    let fleet = Fleet::start(2, &database, &[]).await;
    let known = fleet.create(0, "known").await;
    fleet.all_answer(200, &known.key, TIMEOUT).await;
    fleet.revoke(0, &known.id).await;
    server.kill();
    server.start_again();
    fleet.all_answer(401, &known.key, TIMEOUT).await;
    let later = fleet.create(1, "later").await;
    fleet.all_answer(200, &later.key, TIMEOUT).await;
}

#[tokio::test]
async fn known_keys_are_answered_while_the_database_is_suspended() {
    let server = PostgreSql::start();
    let database = server.database();
    let fleet = Fleet::start(2, &database, &[]).await;
    let known = fleet.create(0, "known").await;
    fleet.all_answer(200, &known.key, TIMEOUT).await;
    for _ in 0..5 {
        server.pause();
        for _ in 0..50 {
            assert_eq!(fleet.statuses(&known.key).await, [200; 2]);
        }
        server.resume();
    }
    server.pause();
    let unknown = unknown_key();
    fleet.all_answer(503, &unknown, TIMEOUT).await;
    assert_eq!(fleet.statuses(&known.key).await, [200; 2]);
    server.resume();
    fleet.all_answer(401, &unknown, TIMEOUT).await;
}

#[tokio::test]
async fn change_during_a_suspension_ends_with_503_or_is_made() {
    let server = PostgreSql::start();
    let database = server.database();
    let fleet = Fleet::start(1, &database, &[]).await;
    let known = fleet.create(0, "known").await;
    server.pause();
    let path = format!("/{}/revoke", known.id);
    let answer = timeout(TIMEOUT, fleet.post(0, &path, &json!({}))).await;
    assert_eq!(answer.expect("a time limit").status, 503);
    server.resume();
    // It is unknown whether the change was made, so it is made again.
    let revoked = async { while fleet.post(0, &path, &json!({})).await.status != 200 {} };
    timeout(TIMEOUT, revoked).await.expect("revoked");
    assert_eq!(fleet.status(0, &known.key).await, 401);
}

#[tokio::test]
async fn lost_notifications_are_noticed_and_come_back() {
    let server = PostgreSql::start();
    let database = server.database();
    let fleet = Fleet::start(1, &database, &[]).await;
    fleet.healthy(0, |status| status["push"] == "delivers").await;
    let known = fleet.create(0, "known").await;
    // The listening connection, among others.
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null";
    assert_ne!(server.execute(cut), "0");
    assert_eq!(fleet.status(0, &known.key).await, 200);
    fleet.healthy(0, |status| status["push"] == "delivers").await;
}
