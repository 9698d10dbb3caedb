//! The database is killed in the middle of changes.

use portcullis_test_servers::{Database, PostgreSql};
use portcullis_tests::{Response, exchange};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::super::instances::{Fleet, TIMEOUT, post_request, shown, wish};

/// How often the database is killed.
const ROUNDS: usize = 4;

/// Changes of each kind in a round.
const CHANGES: usize = 8;

/// A change that was requested.
#[derive(Clone)]
enum Change {
    Create { name: String },
    Rotate { id: String },
    Revoke { id: String },
}

#[tokio::test]
async fn change_is_made_completely_or_not_at_all() {
    let mut server = PostgreSql::start();
    let database = server.database();
    let fleet = Fleet::start(3, &database, &[]).await;
    for round in 0..ROUNDS {
        let changes = prepare(&fleet, round).await;
        let mut requests = request(&fleet, &changes);
        let mut answers = Vec::new();
        // In each round, more changes are over when the server is killed.
        for _ in 0..=round * CHANGES / 2 {
            answers.push(requests.join_next().await.expect("a request"));
        }
        server.kill();
        while let Some(answer) = requests.join_next().await {
            answers.push(answer);
        }
        server.start_again();
        assert_whole(&database);
        for answer in answers {
            let (change, answer) = answer.expect("no panic");
            assert_as_answered(&database, &change, &answer);
        }
        let later = fleet.create(round % 3, "later").await;
        fleet.all_answer(200, &later.key, TIMEOUT).await;
    }
}

/// Creates the keys that are rotated and revoked.
async fn prepare(fleet: &Fleet, round: usize) -> Vec<Change> {
    let mut changes = Vec::new();
    for number in 0..CHANGES {
        let name = |kind: &str| format!("{kind} {round} {number}");
        changes.push(Change::Create {
            name: name("created"),
        });
        let id = fleet.create(number % 3, &name("rotated")).await.id;
        changes.push(Change::Rotate { id });
        let id = fleet.create(number % 3, &name("revoked")).await.id;
        changes.push(Change::Revoke { id });
    }
    changes
}

/// Sends all requests at once, over all instances.
fn request(fleet: &Fleet, changes: &[Change]) -> JoinSet<(Change, Response)> {
    let mut requests = JoinSet::new();
    for (number, change) in changes.iter().enumerate() {
        let (path, body) = match change {
            Change::Create { name } => (String::new(), wish(name)),
            Change::Rotate { id } => (format!("/{id}/rotate"), json!({})),
            Change::Revoke { id } => (format!("/{id}/revoke"), json!({ "reason": "test" })),
        };
        let request = post_request(fleet.operator(), &path, &body);
        let (address, change) = (fleet.address(number % 3), change.clone());
        requests.spawn(async move { (change, exchange(address, request).await) });
    }
    requests
}

/// Checks that the records agree with each other and with the history.
fn assert_whole(database: &Database) {
    let none = [
        "select count(*) from portcullis_keys where successor not in (select id from portcullis_keys)",
        "select count(*) from portcullis_keys where successor is not null and expires_ms is null",
        "select count(*) from portcullis_keys where revision > (select revision from portcullis_meta)",
        "select count(*) from portcullis_meta where (revision, mark) not in (select revision, mark from portcullis_history)",
        // A successor has the name of its predecessor, and no other keys have the same.
        "select count(*) from (select name from portcullis_keys where name like 'rotated %' group by name
         having count(*) <> 1 + count(successor)) as halves",
    ];
    for sql in none {
        assert_eq!(database.execute(sql), "0", "{sql}");
    }
}

fn assert_as_answered(database: &Database, change: &Change, answer: &Response) {
    if answer.status == 503 {
        // Nobody can tell whether the server received the commit.
        return;
    }
    assert!([200, 201].contains(&answer.status), "{}", answer.status);
    let one = |condition: String| {
        let sql = format!("select count(*) from portcullis_keys where {condition}");
        assert_eq!(database.execute(&sql), "1", "{condition}");
    };
    match change {
        Change::Create { name } => one(format!("id = '{}' and name = '{name}'", shown(answer).id)),
        Change::Rotate { id } => one(format!(
            "id = '{id}' and successor = '{}'",
            shown(answer).id
        )),
        Change::Revoke { id } => {
            let body: Value = answer.json();
            assert!(!body["revoked_at"].is_null(), "{body}");
            one(format!(
                "id = '{id}' and revoked_ms is not null and revoke_reason = 'test'"
            ));
        }
    }
}
