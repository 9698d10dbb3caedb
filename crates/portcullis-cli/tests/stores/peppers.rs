//! Keys with peppers.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::store::{TestStore, json as parsed};

/// 32 zero bytes, and 32 others.
const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn peppers(store: &TestStore, name: &str, content: &str) -> String {
    let path = store.write(name, content);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
    path
}

pub(crate) fn key_with_a_pepper_is_created_found_and_rotated(store: &TestStore) {
    let old = peppers(store, "old.toml", &format!("1 = \"{OLD}\"\n"));
    let both = format!("current = 2\n1 = \"{OLD}\"\n2 = \"{NEW}\"\n");
    let both = peppers(store, "both.toml", &both);
    let key = store.create(&["--owner", "a", "--peppers", &old]);
    let id = key.id().to_string();
    assert_eq!(store.show(&id)["pepper_version"], 1);

    let show = |peppers: &[&str]| {
        store.run_with(
            "show",
            &[&["--stdin", "--json"], peppers].concat(),
            key.expose(),
        )
    };
    show(&[])
        .exits(1)
        .reports(&["give the pepper of version 1 with --peppers"]);
    assert_eq!(parsed(&show(&["--peppers", &both]).exits(0))["live"], true);
    assert_eq!(store.list(&["--other-pepper-than", "2"]).len(), 1);
    assert_eq!(store.list(&["--other-pepper-than", "1"]).len(), 0);

    store.run("rotate", &[&id]).exits(1).reports(&["--peppers"]);
    let new = parsed(
        &store
            .run("rotate", &["--json", "--peppers", &both, &id])
            .exits(0),
    );
    assert_eq!(new["pepper_version"], 2);

    fs::set_permissions(&both, fs::Permissions::from_mode(0o644)).expect("changed");
    let refused = store
        .run("create", &["--owner", "a", "--peppers", &both])
        .exits(1);
    refused.reports(&["other users may read or write it"]);
    let short = peppers(store, "short.toml", "1 = \"AAAA\"\n");
    let refused = store
        .run("create", &["--owner", "a", "--peppers", &short])
        .exits(1);
    refused.reports(&["use at least 32 random bytes"]);
}
