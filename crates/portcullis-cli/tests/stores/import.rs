//! Import.

use std::fmt::Write;

use serde_json::json;

use crate::store::{TestStore, json as parsed};

/// SHA-256 of `test`.
const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

pub(crate) fn foreign_keys_are_imported_once(store: &TestStore) {
    let lines = format!(
        "{}\n\n{}\n{}\n",
        json!({"sha256": SHA256, "owner": "a", "name": "old", "scopes": ["r"], "expires_at": "2099-01-01T00:00:00Z"}),
        json!({"hmac_sha256": "ab".repeat(32), "pepper_version": 3, "owner": "b", "scopes": "r w"}),
        json!({"key": "legacy-0123456789abcdef", "owner": "c", "tags": ["x"]}),
    );
    let file = store.write("keys.jsonl", &lines);
    for (stored, skipped) in [(3, 0), (0, 3)] {
        let ended = store.run("import", &["--json", &file]).exits(0);
        let counts = json!({"stored": stored, "skipped": skipped, "dry_run": false});
        assert_eq!(parsed(&ended), counts);
    }
    let mut keys = store.list(&["--all"]);
    keys.sort_by_key(|key| key["owner"].to_string());
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key["is_foreign"] == true));
    assert_eq!(keys[0]["expires_at"], "2099-01-01T00:00:00Z");
    assert_eq!(keys[0]["name"], "old");
    assert_eq!(keys[1]["pepper_version"], 3);
    assert_eq!(keys[1]["scopes"], json!(["r", "w"]));
    assert_eq!(keys[2]["tags"], json!(["x"]));
}

pub(crate) fn wrong_line_is_named_and_earlier_ones_are_stored(store: &TestStore) {
    let good = json!({"sha256": SHA256, "owner": "a"});
    let wrong =
        json!({"key": "hunter2-hunter2-hunter2", "owner": "a", "expires": "2099-01-01T00:00:00Z"});
    let ended = store
        .run_with("import", &["-"], format!("{good}\n{wrong}\n"))
        .exits(1);
    ended
        .reports(&[
            "line 2: unknown field `expires`",
            "before it, the store has 1 key:",
        ])
        .hides(&["hunter2"]);
    assert_eq!(store.list(&[]).len(), 1);
}

pub(crate) fn dry_run_stores_nothing(store: &TestStore) {
    store.create(&["--owner", "a"]);
    let good = json!({"sha256": SHA256, "owner": "a"});
    let ended = store
        .run_with("import", &["--dry-run"], format!("{good}\n{good}\n"))
        .exits(0);
    ended.reports(&["would import 1 key, and skip 1 that are repeated. Nothing was stored."]);
    let ended = store.run_with("import", &["--dry-run"], format!("{{}}\n{good}\n[]\n"));
    ended.exits(1).reports(&["line 1: ", "line 3: "]);
    assert_eq!(store.list(&[]).len(), 1);
}

pub(crate) fn other_key_with_the_same_id_is_refused(store: &TestStore) {
    let id = store.create(&["--owner", "a"]).id().to_string();
    let line = json!({"id": id, "digest": format!("sha256:{SHA256}"), "owner": "b"});
    let ended = store
        .run_with("import", &[], format!("\n{line}\n"))
        .exits(1);
    ended.reports(&["line 2: the store has another key with the id"]);
    assert_eq!(store.list(&[])[0]["owner"], "a");
}

pub(crate) fn keys_of_another_store_are_copied(store: &TestStore) {
    let source = TestStore::file();
    let key = source.create(&[
        "--owner", "a", "--name", "n", "--tags", "x", "--limit", "5/1s",
    ]);
    let revoked = source.create(&["--owner", "b"]);
    source
        .run("revoke", &["--reason", "r", revoked.id().as_str()])
        .exits(0);
    store
        .run("import", &["--from", &source.place])
        .exits(0)
        .reports(&["imported 2 keys"]);
    let id = key.id().to_string();
    let (mut copied, mut original) = (store.show(&id), source.show(&id));
    for record in [&mut copied, &mut original] {
        record["revision"].take();
    }
    assert_eq!(copied, original);
    let revoked = store.show(revoked.id().as_str());
    assert_eq!(
        (&revoked["state"], &revoked["revoke_reason"]),
        (&json!("revoked"), &json!("r"))
    );
    store
        .run_with("show", &["--stdin"], key.expose())
        .exits(0)
        .reports(&["is live"]);
}

pub(crate) fn many_lines_are_stored_in_batches(store: &TestStore) {
    const KEYS: usize = 12_001;

    let mut lines = String::new();
    for number in 0..KEYS {
        let line = json!({"sha256": format!("{number:064x}"), "owner": format!("o{}", number % 7)});
        writeln!(lines, "{line}").expect("written");
    }
    // The last line is wrong, and the same command with the right one goes on after the others.
    let ended = store
        .run_with("import", &[], format!("{lines}{{}}\n"))
        .exits(1);
    ended.reports(&[
        &format!("line {}: ", KEYS + 1),
        &format!("the store has {KEYS} keys"),
    ]);
    let ended = store.run_with("import", &["--json"], &lines).exits(0);
    assert_eq!(parsed(&ended)["skipped"], KEYS);
    assert_eq!(store.list(&["--all", "--owner", "o6"]).len(), KEYS / 7);
}
