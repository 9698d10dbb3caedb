//! A store of each kind.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use portcullis_api_key::ApiKey;
use portcullis_test_servers::PostgreSql;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::Ended;

pub(crate) struct TestStore {
    directory: TempDir,
    /// The value of `--store`.
    pub(crate) place: String,
}

impl TestStore {
    pub(crate) fn file() -> Self {
        Self::at(|directory| directory.join("keys.toml").display().to_string())
    }

    pub(crate) fn sqlite() -> Self {
        Self::at(|directory| format!("sqlite://{}", directory.join("keys.db").display()))
    }

    /// A database with the tables.
    pub(crate) fn postgresql() -> Self {
        let store = Self::at(|_| PostgreSql::shared().database().url());
        store.run("migrate", &[]).exits(0);
        store
    }

    fn at(place: impl FnOnce(&Path) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let place = place(directory.path());
        Self { directory, place }
    }

    pub(crate) fn is_file(&self) -> bool {
        !self.place.contains("://")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file beside the store, and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    }

    pub(crate) fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = keys(verb, arguments);
        command.args(["--store", &self.place]);
        command
    }

    pub(crate) fn run(&self, verb: &str, arguments: &[&str]) -> Ended {
        self.run_with(verb, arguments, "")
    }

    /// Runs a verb with `input` on standard input.
    pub(crate) fn run_with(
        &self,
        verb: &str,
        arguments: &[&str],
        input: impl AsRef<[u8]>,
    ) -> Ended {
        run(self.command(verb, arguments), input.as_ref())
    }

    pub(crate) fn create(&self, arguments: &[&str]) -> ApiKey {
        let ended = self.run("create", arguments).exits(0);
        ApiKey::parse(ended.stdout.trim_end()).expect("a key alone")
    }

    pub(crate) fn show(&self, id: &str) -> Value {
        json(&self.run("show", &["--json", id]).exits(0))
    }

    pub(crate) fn list(&self, arguments: &[&str]) -> Vec<Value> {
        let ended = self
            .run("list", &[&["--json"], arguments].concat())
            .exits(0);
        json(&ended).as_array().expect("an array").clone()
    }
}

/// `portcullis keys` without what the environment of the tests says about stores.
pub(crate) fn keys(verb: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["keys", verb]).args(arguments);
    for name in [
        "PORTCULLIS_STORE",
        "PORTCULLIS_STORE_PASSWORD",
        "PGPASSWORD",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(mut command: Command, input: &[u8]) -> Ended {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = child.spawn().expect("a command that starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // With wrong arguments the command ends without reading.
        scope.spawn(move || stdin.write_all(input));
        Ended::of(child.wait_with_output().expect("an exit status"))
    })
}

pub(crate) fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// The secret part of a key.
pub(crate) fn secret(key: &ApiKey) -> &str {
    &key.expose()[key.expose().len() - 33..]
}
