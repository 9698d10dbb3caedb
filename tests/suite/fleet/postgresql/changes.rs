//! Changes through one instance reach all.

use std::time::Duration;

use portcullis_test_servers::{Database, PostgreSql};

use super::super::instances::{Fleet, TIMEOUT};

/// With push working.
const SOON: Duration = Duration::from_secs(1);

/// The default of `--key-reachable-bound`.
const BOUND: Duration = Duration::from_secs(5);

/// A revocation as a store makes it, without a notification. It commits once it has the advisory lock.
const LATE: &str = "
    begin;
    update portcullis_meta set revision = revision + 1, mark = 42;
    insert into portcullis_history
        select revision, mark, (extract(epoch from now()) * 1000)::bigint from portcullis_meta;
    update portcullis_keys set revoked_ms = created_ms, revision = (select revision from portcullis_meta)
        where id = 'ID';
    select pg_advisory_xact_lock(7);
    commit";

#[tokio::test]
async fn created_rotated_and_revoked_keys_are_known_to_all() {
    let database = PostgreSql::shared().database();
    let fleet = Fleet::start(3, &database, &[]).await;
    changes_reach_all(&fleet, SOON).await;
}

#[tokio::test]
async fn changes_reach_all_within_the_bound_without_notifications() {
    let database = PostgreSql::shared().database();
    let fleet = Fleet::start(3, &database, &["--no-key-bus"]).await;
    changes_reach_all(&fleet, BOUND).await;
}

pub(super) async fn changes_reach_all(fleet: &Fleet, limit: Duration) {
    let created = fleet.create(0, "first").await;
    assert_eq!(
        fleet.status(0, &created.key).await,
        200,
        "the instance that made it"
    );
    fleet.all_answer(200, &created.key, limit).await;

    let successor = fleet.rotate(1, &created.id).await;
    assert_eq!(fleet.status(1, &successor.key).await, 200);
    fleet.all_answer(200, &successor.key, limit).await;
    assert_eq!(
        fleet.statuses(&created.key).await,
        [200; 3],
        "in the grace period"
    );

    fleet.revoke(2, &created.id).await;
    assert_eq!(
        fleet.status(2, &created.key).await,
        401,
        "the instance that revoked it"
    );
    fleet.all_answer(401, &created.key, limit).await;
    assert_eq!(fleet.statuses(&successor.key).await, [200; 3]);
}

#[tokio::test]
async fn change_of_another_program_in_a_late_transaction_is_seen() {
    let database = PostgreSql::shared().database();
    let fleet = Fleet::start(2, &database, &[]).await;
    let revoked = fleet.create(0, "revoked by hand").await;
    fleet.all_answer(200, &revoked.key, SOON).await;

    let holder = lock(&database);
    let late = late_revocation(&database, &revoked.id);
    // It has its revision. The next change waits for its end.
    let (created, ()) = tokio::join!(fleet.create(1, "meanwhile"), async {
        wait_for(
            &database,
            "select count(*) from pg_locks where not granted and locktype <> 'advisory'",
        )
        .await;
        assert_eq!(
            fleet.statuses(&revoked.key).await,
            [200; 2],
            "not committed"
        );
        unlock(&database);
    });
    late.join().expect("committed");
    holder.join().expect("ended");
    fleet.all_answer(401, &revoked.key, BOUND).await;
    fleet.all_answer(200, &created.key, SOON).await;
}

/// Holds an advisory lock until [`unlock`].
fn lock(database: &Database) -> std::thread::JoinHandle<()> {
    let holding = database.clone();
    let holder = std::thread::spawn(move || {
        let held = holding.try_execute("select pg_advisory_lock(7); select pg_sleep(60)");
        held.expect_err("it is terminated");
    });
    while database.execute("select count(*) from pg_locks where locktype = 'advisory'") == "0" {}
    holder
}

fn unlock(database: &Database) {
    database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()",
    );
}

/// Begins [`LATE`]. It waits for the lock when this returns.
fn late_revocation(database: &Database, id: &str) -> std::thread::JoinHandle<String> {
    let (database, sql) = (database.clone(), LATE.replace("ID", id));
    let changing = database.clone();
    let late = std::thread::spawn(move || changing.execute(&sql));
    while database
        .execute("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        == "0"
    {}
    late
}

async fn wait_for(database: &Database, count: &str) {
    let waiting = async {
        while database.execute(count) == "0" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, waiting).await.expect(count);
}
