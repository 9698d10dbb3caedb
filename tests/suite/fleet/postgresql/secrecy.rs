//! What must not be found after a run: in the database, the logs and the answers.

use portcullis_test_servers::PostgreSql;

use super::super::instances::{Fleet, TIMEOUT, unknown_key, wish, with_another_secret};

/// `{prefix}_{id}_{secret}{checksum}`: the last part without the checksum, and its half.
fn needles(key: &str) -> [String; 2] {
    let secret = key.rsplit('_').next().expect("a last part");
    [secret[..27].to_owned(), secret[..14].to_owned()]
}

#[tokio::test]
async fn no_secret_is_in_the_database_the_logs_or_the_answers() {
    let mut server = PostgreSql::start();
    let database = server.database();
    let mut fleet = Fleet::start(2, &database, &[]).await;
    let created = fleet.create(0, "created").await;
    let rotated = fleet.rotate(1, &created.id).await;
    let unknown = unknown_key();
    let wrong = with_another_secret(&created.key);
    fleet.all_answer(200, &rotated.key, TIMEOUT).await;
    for key in [&created.key, &unknown, &wrong, &format!("{unknown}x")] {
        fleet.statuses(key).await;
    }
    // Mistakes of a caller: a key where an id, a name or a reason belongs.
    for path in [&created.key, &rotated.key] {
        fleet.post(0, &format!("/{path}/rotate"), &wish("a")).await;
        fleet.post(0, &format!("/{path}"), &wish("a")).await;
    }
    fleet.revoke(0, &created.id).await;
    fleet.all_answer(401, &created.key, TIMEOUT).await;
    let dump = database.dump();
    server.kill();
    fleet.all_answer(503, &unknown, TIMEOUT).await;
    fleet.post(1, "", &wish("refused")).await;
    server.start_again();
    fleet.all_answer(401, &unknown, TIMEOUT).await;

    assert!(dump.contains(&created.id), "the dump has the records");
    let mut places = vec![("database", dump), ("answers", fleet.answers())];
    for instance in &mut fleet.instances {
        instance.terminate();
        assert!(instance.ends_within(TIMEOUT).await.success());
        places.push(("log", instance.log()));
    }
    places.push(("log of the server", server.log()));
    assert!(places.iter().any(|(_, text)| text.contains("TRACE")));
    let mut needles: Vec<String> = [&created.key, &rotated.key, &unknown, &wrong]
        .into_iter()
        .flat_map(|key| needles(key))
        .collect();
    needles.extend(self::needles(fleet.operator()));
    needles.push(PostgreSql::PASSWORD.to_owned());
    for (place, text) in places {
        for needle in &needles {
            if let Some(at) = text.find(needle) {
                let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
                panic!(
                    "{place}: {}",
                    text[start..].lines().next().unwrap_or_default()
                );
            }
        }
    }
}
