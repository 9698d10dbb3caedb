//! Create, list, show, rotate, revoke, purge.

use portcullis_api_key::ApiKey;
use serde_json::{Value, json};

use crate::store::{TestStore, json as parsed, secret};

pub(crate) fn created_key_has_what_was_given(store: &TestStore) {
    let arguments = [
        "--json",
        "--owner",
        "billing",
        "--name",
        "nightly invoices",
        "--scopes",
        "orders:write orders:read",
        "--tags",
        "batch, eu",
        "--networks",
        "192.0.2.0/24,2001:db8::1",
        "--limit",
        "100/1m",
        "--burst",
        "20",
        "--prefix",
        "acme_live",
        "--expires-in",
        "90d",
    ];
    let ended = store.run("create", &arguments).exits(0);
    let mut created = parsed(&ended);
    let text = created["key"].take();
    let key = ApiKey::parse(text.as_str().expect("a text")).expect("a key");
    assert!(!ended.stderr.contains(secret(&key)), "{ended:?}");

    let shown = store.show(key.id().as_str());
    for (field, expected) in [
        ("id", json!(key.id().as_str())),
        ("prefix", json!("acme_live")),
        ("owner", json!("billing")),
        ("name", json!("nightly invoices")),
        ("scopes", json!(["orders:read", "orders:write"])),
        ("tags", json!(["batch", "eu"])),
        ("networks", json!(["192.0.2.0/24", "2001:db8::1/128"])),
        (
            "limit",
            json!({"requests": 100, "period_seconds": 60, "burst": 20}),
        ),
        ("state", json!("active")),
        ("revoked_at", Value::Null),
        ("is_foreign", json!(false)),
    ] {
        assert_eq!(shown[field], expected, "{field}: {shown}");
        assert_eq!(created[field], expected, "{field}: {created}");
    }
    let human = store.run("show", &[key.id().as_str()]).exits(0);
    human
        .prints(&[
            "billing",
            "nightly invoices",
            "192.0.2.0/24",
            "100 requests in 60 s",
        ])
        .hides(&[secret(&key)]);
    store
        .run("show", &["000000000000"])
        .exits(1)
        .reports(&["no API key with the id"]);
}

pub(crate) fn list_is_filtered_and_paged(store: &TestStore) {
    for owner in ["a", "b", "c"] {
        store.create(&["--owner", owner, "--tags", "x", "--expires-in", "1d"]);
    }
    let late = store.create(&["--owner", "c", "--name", "Late", "--no-expiry"]);
    let owners = |arguments: &[&str]| -> Vec<String> {
        let keys = store.list(arguments);
        let owner = |key: &Value| key["owner"].as_str().expect("a text").to_owned();
        keys.iter().map(owner).collect()
    };
    let all = owners(&["--all"]);
    assert_eq!(all, ["c", "c", "b", "a"], "the newest first");
    let unsorted = owners(&[]);
    match store.is_file() {
        true => assert_eq!(unsorted, ["a", "b", "c", "c"], "as in the file"),
        false => assert_eq!(unsorted, all),
    }
    assert_eq!(owners(&["--owner", "c"]).len(), 2);
    assert_eq!(owners(&["--text", "late"]), ["c"]);
    assert_eq!(owners(&["--expiring-within", "2d"]).len(), 3);
    assert_eq!(owners(&["--other-pepper-than", "1"]).len(), 4);
    store.run("revoke", &[late.id().as_str()]).exits(0);
    assert_eq!(owners(&["--state", "revoked"]), ["c"]);
    assert_eq!(owners(&["--state", "active"]).len(), 3);
    assert_eq!(owners(&["--state", "expired"]), [""; 0]);

    let first = store.run("list", &["--json", "--limit", "3"]).exits(0);
    assert_eq!(parsed(&first).as_array().map(Vec::len), Some(3));
    let cursor = first.stderr.split("--cursor ").nth(1).expect("a cursor");
    let cursor = cursor.split(' ').next().expect("a cursor");
    assert_eq!(owners(&["--cursor", cursor]), ["a"]);
    let table = store.run("list", &["--all"]).exits(0);
    assert_eq!(table.stdout.lines().count(), 5, "{table:?}");
    assert_eq!(table.stderr, "");
    table.prints(&["ID ", "Late", "revoked", "never"]);
}

pub(crate) fn rotated_key_has_a_successor(store: &TestStore) {
    let old = store.create(&["--owner", "a", "--tags", "x", "--limit", "5/1s"]);
    let id = old.id().to_string();
    let new = parsed(
        &store
            .run("rotate", &["--json", "--grace", "1h", &id])
            .exits(0),
    );
    assert!(ApiKey::parse(new["key"].as_str().expect("a text")).is_ok());
    let (old, new) = (
        store.show(&id),
        store.show(new["id"].as_str().expect("an id")),
    );
    assert_eq!(old["successor"], new["id"]);
    assert_ne!(old["expires_at"], new["expires_at"]);
    for field in ["owner", "tags", "limit", "prefix"] {
        assert_eq!(old[field], new[field], "{field}");
    }
    store
        .run("rotate", &[&id])
        .exits(1)
        .reports(&["was rotated before"]);
}

pub(crate) fn revoked_key_has_a_reason(store: &TestStore) {
    let key = store.create(&["--owner", "a"]);
    let id = key.id().to_string();
    let revoke = ["--json", "--reason", "left the company", &id];
    let revoked = parsed(&store.run("revoke", &revoke).exits(0));
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(revoked["revoke_reason"], "left the company");
    assert_eq!(store.show(key.id().as_str()), revoked);
    store
        .run("revoke", &["000000000000"])
        .exits(1)
        .reports(&["no API key with the id"]);
}

pub(crate) fn purge_removes_ended_keys(store: &TestStore) {
    let kept = store.create(&["--owner", "a"]);
    let old =
        r#"{"key":"legacy-0123456789abcdef","owner":"b","revoked_at":"2020-01-01T00:00:00Z"}"#;
    store.run_with("import", &[], old).exits(0);
    let purge = |before| {
        parsed(
            &store
                .run("purge", &["--json", "--ended-before", before])
                .exits(0),
        )
    };
    assert_eq!(purge("36500d"), json!({"removed": 0}));
    assert_eq!(purge("90d"), json!({"removed": 1}));
    let left = store.list(&[]);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["id"], kept.id().as_str());
}

pub(crate) fn refused_values_exit_with_2(store: &TestStore) {
    let key = store.create(&["--owner", "a"]);
    let long = "x".repeat(300);
    for (verb, arguments) in [
        ("create", &["--owner", " "][..]),
        ("create", &["--owner", "a", "--name", &long]),
        ("create", &["--owner", "a", "--tags", "a,,b"]),
        ("create", &["--owner", "a", "--burst", "1"]),
        (
            "create",
            &["--owner", "a", "--limit", "100/1m", "--burst", "0"],
        ),
        ("create", &["--owner", "a", "--networks", "192.0.2.1/24"]),
        ("revoke", &["--reason", &long, key.id().as_str()]),
        ("list", &["--cursor", "nonsense"]),
        ("list", &["--limit", "0"]),
        ("purge", &[]),
        ("scan", &["--revoke", "--prefix", "A", "."]),
    ] {
        let ended = store.run(verb, arguments).exits(2);
        assert!(
            ended.stderr.starts_with("error: "),
            "{arguments:?}: {ended:?}"
        );
    }
    assert_eq!(store.list(&[]).len(), 1);
}
