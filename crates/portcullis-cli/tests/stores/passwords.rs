//! Where the store is, and the password of a database.

use std::fs;

use crate::store::{TestStore, keys, run};

#[test]
fn password_in_the_command_line_is_refused() {
    for url in [
        "postgres://a:hunter2@127.0.0.1:1/keys",
        "postgres://a@127.0.0.1:1/keys?password=hunter2",
    ] {
        for option in ["--store", "--from"] {
            let mut command = keys("import", &[option, url]);
            if option == "--from" {
                command.args(["--store", "keys.toml"]);
            }
            let ended = run(command, b"").exits(2);
            ended
                .reports(&["--store-password-file", option])
                .hides(&["hunter2"]);
        }
    }
}

#[test]
fn other_urls_are_refused() {
    for url in [
        "mysql://db/keys",
        "https://example.com/keys",
        "sqlite://",
        "sqlite::memory:",
        "",
    ] {
        run(keys("list", &["--store", url]), b"")
            .exits(2)
            .reports(&["--store"]);
    }
}

#[test]
fn store_is_named_by_the_environment_or_an_option() {
    let (one, other) = (TestStore::file(), TestStore::sqlite());
    other.create(&["--owner", "other"]);
    one.create(&["--owner", "one"]);
    let mut command = keys("list", &[]);
    command.env("PORTCULLIS_STORE", &other.place);
    run(command, b"").exits(0).prints(&["other"]);
    let mut command = one.command("list", &[]);
    command.env("PORTCULLIS_STORE", &other.place);
    run(command, b"").exits(0).prints(&["one"]);
    // A password for another database is not a mistake.
    let mut command = other.command("list", &[]);
    command.env("PGPASSWORD", "hunter2");
    run(command, b"").exits(0);
}

#[test]
fn database_that_does_not_exist_is_created_by_create_and_import_alone() {
    let store = TestStore::sqlite();
    store.run("list", &[]).exits(1);
    assert!(!store.path("keys.db").exists());
    store.run("import", &[]).exits(0);
    assert!(store.path("keys.db").exists());
    store
        .run("migrate", &["--json"])
        .exits(0)
        .prints(&["keys.db"]);
    let file = TestStore::file();
    file.run("migrate", &[]).exits(2).reports(&["key file"]);
    file.run("confirm-restore", &[])
        .exits(2)
        .reports(&["key file"]);
    assert!(!file.path("keys.toml").exists());
}

#[test]
fn restore_is_confirmed() {
    let store = TestStore::sqlite();
    store.run("migrate", &[]).exits(0);
    store
        .run("confirm-restore", &[])
        .exits(0)
        .reports(&["is confirmed"]);
}

mod postgresql {
    use portcullis_test_servers::PostgreSql;

    use super::*;

    #[test]
    fn password_comes_from_a_file_or_the_environment() {
        let database = PostgreSql::shared().database();
        let url = database.url_needing_password();
        let password = PostgreSql::PASSWORD;
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("password");
        fs::write(&file, format!("{password}\n")).expect("written");
        let file = file.display().to_string();

        let mut refused = keys("migrate", &["--store", &url]);
        refused.env("PGPASSWORD", "hunter2");
        run(refused, b"").exits(1).hides(&["hunter2"]);
        let arguments = ["--store", &url, "--store-password-file", &file];
        run(keys("migrate", &arguments), b"")
            .exits(0)
            .hides(&[password]);
        for name in ["PORTCULLIS_STORE_PASSWORD", "PGPASSWORD"] {
            let mut command = keys("list", &["--store", &url]);
            command.env(name, password);
            run(command, b"").exits(0);
        }
        let whole = url.replace('@', &format!(":{}@", password.replace(' ', "%20")));
        let mut command = keys("migrate", &["--json"]);
        command.env("PORTCULLIS_STORE", whole);
        run(command, b"").exits(0).hides(&[password]);
    }

    #[test]
    fn database_without_tables_says_how_to_create_them() {
        let url = PostgreSql::shared().database().url();
        let ended = run(keys("create", &["--store", &url, "--owner", "a"]), b"").exits(1);
        ended.reports(&["portcullis keys migrate"]);
        let create = ["--store", &url, "--owner", "a", "--migrate"];
        run(keys("create", &create), b"").exits(0);
    }

    #[test]
    fn unreachable_database_is_named() {
        let ended = run(
            keys("list", &["--store", "postgres://a@127.0.0.1:1/keys"]),
            b"",
        );
        ended.exits(1).reports(&["127.0.0.1:1/keys"]);
    }
}
