//! A leaked key on standard input.

use crate::store::{TestStore, json as parsed, secret};

pub(crate) fn leaked_key_is_identified_and_revoked(store: &TestStore) {
    let key = store.create(&["--owner", "billing", "--name", "invoices"]);
    let found = format!("X-API-Key: {}\n", key.expose());
    let shown = store
        .run_with("show", &["--stdin", "--json"], &found)
        .exits(0);
    assert_eq!(parsed(&shown)["live"], true);
    shown.hides(&[secret(&key)]);

    let revoke = ["--stdin", "--reason", "leaked"];
    let ended = store.run_with("revoke", &revoke, &found).exits(0);
    let told = format!("key {} for billing (invoices) is live", key.id());
    ended
        .reports(&[&told, "was revoked at"])
        .hides(&[secret(&key)]);
    let record = store.show(key.id().as_str());
    assert_eq!(
        (&record["state"], &record["revoke_reason"]),
        (&"revoked".into(), &"leaked".into())
    );

    let again = store
        .run_with("revoke", &["--stdin", "--json"], &found)
        .exits(0);
    assert_eq!(parsed(&again)["was_live"], false);
    again.reports(&["is revoked"]);
    let shown = store
        .run_with("show", &["--stdin", "--json"], &found)
        .exits(0);
    assert_eq!(parsed(&shown)["live"], false);
}

pub(crate) fn text_with_another_secret_revokes_nothing(store: &TestStore) {
    let key = store.create(&["--owner", "a"]);
    let other = TestStore::file().create(&["--owner", "a"]);
    // The id of one key and the secret of another, with the right checksum.
    let start = format!("portcullis_{}_{}", key.id(), &secret(&other)[..27]);
    let forged = format!("{start}{}", checksum(&start));
    let ended = store.run_with("revoke", &["--stdin"], &forged).exits(1);
    ended
        .reports(&["no key was revoked", "has another secret"])
        .hides(&[secret(&other)]);
    store
        .run_with("revoke", &["--stdin"], other.expose())
        .exits(1)
        .reports(&["no API key with the id"]);
    store
        .run_with("revoke", &["--stdin"], "hunter2")
        .exits(1)
        .hides(&["hunter2"]);
    store
        .run_with("revoke", &["--stdin"], " \n")
        .exits(1)
        .reports(&["it has no key"]);
    let both = format!("{} {}", key.expose(), other.expose());
    store
        .run_with("revoke", &["--stdin"], both)
        .exits(1)
        .reports(&["several keys"]);
    assert_eq!(store.show(key.id().as_str())["state"], "active");
}

pub(crate) fn leaked_foreign_key_is_revoked(store: &TestStore) {
    let line = r#"{"key":"legacy-0123456789abcdef","owner":"billing"}"#;
    store.run_with("import", &[], line).exits(0);
    let ended = store
        .run_with(
            "revoke",
            &["--stdin", "--json"],
            "legacy-0123456789abcdef\n",
        )
        .exits(0);
    let record = parsed(&ended);
    assert_eq!(
        (&record["state"], &record["was_live"]),
        (&"revoked".into(), &true.into())
    );
    ended.hides(&["legacy-"]);
}

/// Six digits in base 62 of the CRC-32.
fn checksum(text: &str) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    let mut number = crc32fast::hash(text.as_bytes());
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    String::from_utf8(digits.to_vec()).expect("ASCII")
}
