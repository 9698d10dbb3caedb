//! Scan.

use std::{fs, os::unix::fs::symlink, process::Command};

use serde_json::{Value, json};

use crate::{
    store::{TestStore, json as parsed, keys, run, secret},
    support::Ended,
};

pub(crate) fn live_keys_are_reported_and_revoked(store: &TestStore) {
    let live = store.create(&[
        "--owner", "billing", "--name", "invoices", "--prefix", "acme",
    ]);
    let ended = store.create(&["--owner", "old"]);
    store.run("revoke", &[ended.id().as_str()]).exits(0);
    let stranger = TestStore::file().create(&["--owner", "other"]);
    fs::create_dir(store.path("source")).expect("created");
    let text = format!("# keys\n{}\n{}\n", ended.expose(), stranger.expose());
    store.write("source/old.txt", text);
    let folder = store.path("source").display().to_string();

    store
        .run("scan", &[&folder])
        .exits(0)
        .reports(&["2 keys, 0 of them live"]);
    let mut binary = vec![0xff; 300_000];
    binary.extend_from_slice(live.expose().as_bytes());
    store.write("source/binary", &binary);
    let human = store.run("scan", &[&folder]).exits(1);
    human
        .prints(&[
            &format!("old.txt:2: key {} for old is revoked", ended.id()),
            &format!(
                "old.txt:3: the store has no API key with the id {}",
                stranger.id()
            ),
            &format!("binary:1: key {} for billing (invoices) is live", live.id()),
        ])
        .hides(&[secret(&live), secret(&ended), secret(&stranger)]);

    let revoked = store
        .run("scan", &["--json", "--revoke", "--prefix", "acme", &folder])
        .exits(1);
    let found = parsed(&revoked);
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    for (field, expected) in [
        ("line", json!(1)),
        ("id", json!(live.id().as_str())),
        ("prefix", json!("acme")),
        ("status", json!("live")),
        ("live", json!(true)),
        ("revoked", json!(true)),
        ("owner", json!("billing")),
    ] {
        assert_eq!(found[0][field], expected, "{field}");
    }
    assert_eq!(store.show(live.id().as_str())["state"], "revoked");
    store
        .run("scan", &[&folder])
        .exits(0)
        .reports(&["3 keys, 0 of them live"]);
}

fn scan(arguments: &[&str], input: &str) -> Ended {
    run(keys("scan", arguments), input.as_bytes())
}

#[test]
fn standard_input_is_scanned_without_a_store() {
    let key = TestStore::file().create(&["--owner", "a"]);
    let input = format!("a\nb {}", key.expose());
    let expected = format!("standard input:2: key {}", key.id());
    for arguments in [&[][..], &["-"]] {
        scan(arguments, &input)
            .exits(1)
            .prints(&[&expected])
            .hides(&[secret(&key)]);
    }
    let found: Value = parsed(&scan(&["--json"], &input).exits(1));
    assert_eq!(
        (&found[0]["file"], &found[0]["live"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(parsed(&scan(&["--json"], "nothing").exits(0)), json!([]));
    scan(&["--revoke"], &input)
        .exits(2)
        .reports(&["give --store"]);
}

#[test]
fn links_are_not_followed_and_unreadable_files_make_a_scan_incomplete() {
    let store = TestStore::file();
    let key = store.create(&["--owner", "a"]);
    fs::create_dir_all(store.path("a/b")).expect("created");
    store.write("a/b/key", key.expose());
    symlink(store.path("a"), store.path("a/b/loop")).expect("linked");
    symlink(store.path("a/b/key"), store.path("a/link")).expect("linked");
    let pipe = Command::new("mkfifo").arg(store.path("a/pipe")).status();
    assert!(pipe.expect("a command that runs").success());
    let folder = store.path("a").display().to_string();
    let found = parsed(&scan(&["--json", &folder], "").exits(1));
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    let missing = store.path("missing").display().to_string();
    scan(&[&missing], "")
        .exits(3)
        .reports(&["cannot read", "incomplete"]);
    scan(&[&missing, &folder], "").exits(1);
    let lost = store.path("lost.toml").display().to_string();
    scan(&["--store", &lost, &folder], "")
        .exits(3)
        .reports(&["lost.toml"]);
}
