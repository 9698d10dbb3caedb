//! `portcullis keys`.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use portcullis_api_key::{ApiKey, KeyDigest};
use serde_json::Value;
use support::Ended;
use tempfile::TempDir;

struct Keys {
    _directory: TempDir,
    store: PathBuf,
}

impl Keys {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self {
            store: directory.path().join("keys.toml"),
            _directory: directory,
        }
    }

    fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(["keys", verb, "--store"]).arg(&self.store);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, verb: &str, arguments: &[&str]) -> Ended {
        Ended::of(
            self.command(verb, arguments)
                .output()
                .expect("a command that runs"),
        )
    }

    fn create(&self, arguments: &[&str]) -> ApiKey {
        let ended = self.run("create", arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        the_key(&ended)
    }

    fn list(&self) -> Vec<Value> {
        let ended = self.run("list", &["--json"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).expect("an array")
    }
}

/// The key on stdout. Checks that stdout contains nothing else.
fn the_key(ended: &Ended) -> ApiKey {
    let line = ended.stdout.strip_suffix('\n').expect("one line");
    let key = ApiKey::parse(line).expect("a key and nothing else");
    assert!(!ended.stderr.contains(&line[line.len() - 33..]));
    key
}

fn seconds(time: &Value) -> i64 {
    let text = time.as_str().expect("a time");
    assert!(text.ends_with('Z') && text.contains('T'), "{text}");
    text.parse::<jiff::Timestamp>()
        .expect("RFC 3339")
        .as_second()
}

#[test]
fn key_is_shown_once_and_listed_without_its_secret() {
    let keys = Keys::new();
    let key = keys.create(&[
        "--owner",
        "billing",
        "--scopes",
        "orders:write orders:read",
        "--expires-in",
        "90d",
    ]);
    let listed = keys.list();
    assert_eq!(listed.len(), 1);
    let entry = &listed[0];
    assert_eq!(entry["id"], key.id().as_str());
    assert_eq!(entry["owner"], "billing");
    assert_eq!(
        entry["scopes"],
        serde_json::json!(["orders:read", "orders:write"])
    );
    assert_eq!(
        seconds(&entry["expires_at"]) - seconds(&entry["created_at"]),
        90 * 86_400
    );
    assert_eq!(entry["revoked_at"], Value::Null);

    let text = fs::read_to_string(&keys.store).expect("readable");
    assert!(text.contains(&KeyDigest::of(&key, None).to_string()));
    let table = keys.run("list", &[]).stdout;
    assert!(
        table.contains("billing") && table.contains(key.id().as_str()),
        "{table}"
    );
    let secret = &key.expose()[key.expose().len() - 33..];
    assert!(!text.contains(secret) && !table.contains(secret));
}

#[test]
fn key_lifetime_is_a_year_by_default() {
    let keys = Keys::new();
    keys.create(&["--owner", "a"]);
    keys.create(&["--owner", "b", "--no-expiry"]);
    keys.create(&["--owner", "c", "--expires-in", "1s"]);
    let listed = keys.list();
    let life = |entry: &Value| seconds(&entry["expires_at"]) - seconds(&entry["created_at"]);
    assert_eq!(life(&listed[0]), 365 * 86_400);
    assert_eq!(listed[1]["expires_at"], Value::Null);
    assert_eq!(life(&listed[2]), 1);
}

#[test]
fn create_in_an_empty_or_new_file_says_so() {
    let keys = Keys::new();
    fs::write(&keys.store, "").expect("written");
    for is_empty in [true, false] {
        let ended = keys.run("create", &["--owner", "billing"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let warns = ended.stderr.contains("was empty");
        assert_eq!(warns, is_empty, "{}", ended.stderr);
    }
    assert_eq!(keys.list().len(), 2);
    fs::remove_file(&keys.store).expect("removed");
    for is_new in [true, false] {
        let ended = keys.run("create", &["--owner", "billing"]);
        let says = ended.stderr.contains("created the new API key file");
        assert_eq!(says, is_new, "{}", ended.stderr);
    }
}

#[test]
fn help_of_create_alone_says_that_the_store_is_created() {
    for verb in ["create", "list", "revoke", "rotate"] {
        let help = Keys::new().run(verb, &["--help"]).stdout;
        let says = help.contains("created if it does not exist");
        assert_eq!(says, verb == "create", "{help}");
    }
}

#[test]
fn change_of_a_file_with_other_hard_links_warns() {
    let keys = Keys::new();
    let id = keys.create(&["--owner", "a"]).id().to_string();
    for (verb, arguments) in [
        ("create", &["--owner", "b"][..]),
        ("rotate", &[&id]),
        ("revoke", &[&id]),
    ] {
        let other = keys.store.with_extension(verb);
        fs::hard_link(&keys.store, other).expect("linked");
        let ended = keys.run(verb, arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("other hard links"), "{verb}");
    }
    let again = keys.run("revoke", &[&id]);
    assert!(!again.stderr.contains("hard link"), "{}", again.stderr);
}

#[test]
fn revoked_key_stays_in_the_list() {
    let keys = Keys::new();
    let key = keys.create(&["--owner", "a"]);
    let id = key.id().to_string();
    let revoked = keys.run("revoke", &[&id]);
    assert_eq!(
        (revoked.code, revoked.stdout.as_str()),
        (Some(0), ""),
        "{}",
        revoked.stderr
    );
    let at = keys.list()[0]["revoked_at"].clone();
    seconds(&at);
    assert_eq!(keys.run("revoke", &[&id]).code, Some(0), "again");
    assert_eq!(keys.list()[0]["revoked_at"], at);
    assert!(keys.run("list", &[]).stdout.contains("revoked"));
}

#[test]
fn listed_key_names_its_successor() {
    let keys = Keys::new();
    let old = keys.create(&["--owner", "a", "--scopes", "r", "--prefix", "acme_live"]);
    let ended = keys.run("rotate", &[old.id().as_str(), "--grace", "1h"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let new = the_key(&ended);
    assert!(new.expose().starts_with("acme_live_"));
    let listed = keys.list();
    assert_eq!(listed[0]["successor"], new.id().as_str());
    assert_eq!(listed[1]["scopes"], listed[0]["scopes"]);
    assert!(seconds(&listed[0]["expires_at"]) < seconds(&listed[1]["expires_at"]));
    let table = keys.run("list", &[]).stdout;
    let rotated = format!("active, rotated -> {}", new.id());
    assert!(table.contains(&rotated), "{table}");
    let again = keys.run("rotate", &[old.id().as_str()]);
    let advice = format!("rotate its successor {} instead", new.id());
    assert!(again.stderr.contains(&advice), "{}", again.stderr);
}

#[test]
fn wrong_arguments_exit_with_2() {
    let keys = Keys::new();
    for arguments in [
        &["create"][..],
        &["create", "--owner", ""],
        &["create", "--owner", "a\nb"],
        &["create", "--owner", "a", "--scopes", "a\"b"],
        &["create", "--owner", "a", "--scopes", "a\tb"],
        &["create", "--owner", "a", "--scopes", "a,b"],
        &["create", "--owner", "a", "--expires-in", "0s"],
        &["create", "--owner", "a", "--expires-in", "90"],
        &["create", "--owner", "a", "--expires-in", "1.5h"],
        &["create", "--owner", "a", "--expires-in", "-1d"],
        &["create", "--owner", "a", "--expires-in", "99999999d"],
        &[
            "create",
            "--owner",
            "a",
            "--expires-in",
            "1d",
            "--no-expiry",
        ],
        &["create", "--owner", "a", "--prefix", "A-B"],
        &["revoke"],
        &["revoke", "short"],
        &["rotate", "000000000000", "--grace", "soon"],
        &["nothing"],
    ] {
        let ended = keys.run(arguments[0], &arguments[1..]);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(
            ended.stderr.starts_with("error: "),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    assert!(!keys.store.exists());
    let commas = keys.run("create", &["--owner", "a", "--scopes", "a, b"]);
    assert!(
        commas.stderr.contains("separated by spaces"),
        "{}",
        commas.stderr
    );
    let no_store = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["keys", "list"])
        .output();
    assert_eq!(
        Ended::of(no_store.expect("a command that runs")).code,
        Some(2)
    );
}

#[test]
fn failure_exits_with_1() {
    let keys = Keys::new();
    let fails = |verb: &str, arguments: &[&str], because: &str| {
        let ended = keys.run(verb, arguments);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(because), "{}", ended.stderr);
    };
    fails("list", &[], "keys.toml");
    fails("revoke", &["000000000000"], "keys.toml");
    let key = keys.create(&["--owner", "a"]);
    fails(
        "revoke",
        &["000000000000"],
        "no API key with the id 000000000000",
    );
    assert_eq!(keys.run("revoke", &[key.id().as_str()]).code, Some(0));
    fails("rotate", &[key.id().as_str()], "revoked");
    fs::write(
        &keys.store,
        "version = 1\n\n[[keys]]\nid = \"4fXq0ZbT9kLm\"\n",
    )
    .expect("written");
    fails(
        "list",
        &["--json"],
        "line 3, key 4fXq0ZbT9kLm: `digest` is missing",
    );
    fails("create", &["--owner", "a"], "line 3");
}

#[test]
fn whole_key_given_as_an_id_is_not_printed() {
    let keys = Keys::new();
    let key = keys.create(&["--owner", "a"]);
    let ended = keys.run("revoke", &[key.expose()]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains(key.id().as_str()), "{}", ended.stderr);
    assert!(
        !ended
            .stderr
            .contains(&key.expose()[key.expose().len() - 33..])
    );
}

#[test]
fn concurrent_processes_lose_nothing() {
    let keys = Keys::new();
    let running: Vec<_> = (0..8)
        .map(|_| {
            let mut command = keys.command("create", &["--owner", "a"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("a command that runs")
        })
        .collect();
    let mut made: Vec<_> = running
        .into_iter()
        .map(|child| Ended::of(child.wait_with_output().expect("an exit status")))
        .map(|ended| the_key(&ended).id().to_string())
        .collect();
    let mut listed: Vec<_> = keys
        .list()
        .iter()
        .map(|entry| entry["id"].as_str().expect("an id").to_owned())
        .collect();
    made.sort();
    listed.sort();
    assert_eq!(made, listed);
}

#[cfg(unix)]
#[test]
fn created_file_is_private() {
    use std::os::unix::fs::PermissionsExt;

    let keys = Keys::new();
    keys.create(&["--owner", "a"]);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode(&keys.store) & 0o777, 0o600);
}

/// Root creates the store and changes its owner, who must then be able to change it.
#[cfg(unix)]
#[test]
fn owner_can_change_a_store_created_by_root() {
    use std::os::unix::{fs::chown, process::CommandExt};

    const NOBODY: u32 = 65_534;

    let keys = Keys::new();
    keys.create(&["--owner", "a"]);
    let directory = keys.store.parent().expect("a directory");
    let is_root = [directory, &keys.store]
        .iter()
        .all(|path| chown(path, Some(NOBODY), Some(NOBODY)).is_ok());
    let mut command = keys.command("create", &["--owner", "b"]);
    command.uid(NOBODY).gid(NOBODY).current_dir(directory);
    match command.output() {
        Ok(output) if is_root => assert!(output.status.success(), "{output:?}"),
        _ => eprintln!("skipped: not root, or other users may not run the program"),
    }
}

#[cfg(unix)]
#[test]
fn no_key_is_created_with_stdout_closed() {
    let keys = Keys::new();
    let old = keys.create(&["--owner", "billing"]);
    let id = old.id().to_string();
    for (verb, arguments) in [
        ("create", ["--owner", "billing"].as_slice()),
        ("rotate", &[id.as_str()]),
    ] {
        let command = keys.command(verb, arguments);
        let mut closed = Command::new("sh");
        closed
            .args(["-c", r#"exec "$0" "$@" >&-"#])
            .arg(command.get_program())
            .args(command.get_args());
        let ended = Ended::of(closed.output().expect("a command that runs"));
        assert_eq!(ended.code, Some(1), "{verb}");
        assert!(
            ended.stderr.contains("stdout is closed"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(keys.list().len(), 1);
}
