use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Signal, geteuid};

use crate::database::Database;
use crate::folder::Folder;
use crate::process::{Kind, Process};

/// Where Debian installs PostgreSQL, in a folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

const INSTALL: &str =
    "PostgreSQL is installed; run `cargo xtask test`, or `apt-get install postgresql`";

const USER: &str = "portcullis";

/// The other user needs a password, so that a test notices if none is sent.
const ACCESS: &str = "\
host all with_password 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
";

/// A running PostgreSQL server of the newest installed version. Its data survives [`kill`](Self::kill).
#[derive(Debug)]
pub struct PostgreSql {
    process: Process<Server>,
    databases: AtomicU32,
}

#[derive(Debug)]
struct Server {
    programs: PathBuf,
    data: PathBuf,
    runner: Runner,
    settings: Vec<String>,
}

impl Kind for Server {
    /// A shutdown without a checkpoint, which does not wait for clients.
    const STOP: Signal = Signal::QUIT;

    fn command(&self, address: SocketAddr) -> Command {
        let mut command = self.runner.command(&self.programs.join("postgres"));
        command
            .arg("-D")
            .arg(&self.data)
            .args(["-h", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            .args(["-c", "unix_socket_directories="])
            // What a killed process wrote is in the system's memory. Only a crash of the machine needs fsync.
            .args(["-c", "fsync=off"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command
    }

    fn is_ready(&self, address: SocketAddr) -> bool {
        Command::new(self.programs.join("pg_isready"))
            .args(["-q", "-h", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl PostgreSql {
    /// The password of the user in [`Database::url_needing_password`].
    pub const PASSWORD: &str = "a password of no value outside this test";

    /// Starts a server.
    ///
    /// # Panics
    ///
    /// If PostgreSQL is not installed. `cargo xtask test` installs it.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with settings such as `max_connections=20`.
    ///
    /// # Panics
    ///
    /// Like [`start`](Self::start).
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let programs = newest_programs().expect(INSTALL);
        let folder = Folder::new("postgresql");
        let runner = Runner::new();
        runner.give(folder.path());
        let data = folder.path().join("data");
        create_cluster(&runner, &programs, &data);
        let server = Server {
            programs,
            data,
            runner,
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
        };
        let server = Self {
            process: Process::start(server, folder),
            databases: AtomicU32::new(0),
        };
        let password = Self::PASSWORD;
        server.execute(&format!(
            "create role with_password superuser login password '{password}'"
        ));
        server
    }

    /// The server that the tests of a process share, each with its own [`database`](Self::database). It is started by the
    /// first call.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgreSql> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// The URL of its database `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        self.named("postgres").url()
    }

    /// Creates a database.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[must_use]
    pub fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("create database {name}"));
        self.named(&name)
    }

    /// Runs SQL in the database `postgres`, and returns the rows: a line for each, with `|` between the columns.
    ///
    /// # Panics
    ///
    /// If the SQL fails.
    pub fn execute(&self, sql: &str) -> String {
        self.named("postgres").execute(sql)
    }

    /// Stops the server without waiting for its clients. Nothing listens at its port.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// Kills all processes of the server.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the stopped server again, on the same port with the same data.
    pub fn start_again(&mut self) {
        self.process.start_again();
    }

    /// Suspends all processes of the server: its connections stay open, and it does not answer.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Ends [`pause`](Self::pause).
    pub fn resume(&self) {
        self.process.resume();
    }

    /// What the server has logged since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn named(&self, name: &str) -> Database {
        Database {
            programs: self.process.kind().programs.clone(),
            place: format!("{}/{name}", self.address()),
            user: USER,
        }
    }
}

fn newest_programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok);
    let number = |name: &str| name.parse::<u32>().ok();
    let newest = versions
        .filter(|version| version.path().join("bin/initdb").exists())
        .filter_map(|version| number(version.file_name().to_str()?))
        .max()?;
    Some(Path::new(VERSIONS).join(newest.to_string()).join("bin"))
}

fn create_cluster(runner: &Runner, programs: &Path, data: &Path) {
    let output = runner
        .command(&programs.join("initdb"))
        .arg("--pgdata")
        .arg(data)
        .args(["--username", USER, "--auth", "trust", "--no-sync"])
        .args(["--encoding", "UTF8", "--locale", "C"])
        .stdin(Stdio::null())
        .output()
        .expect("initdb runs");
    assert!(
        output.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::write(data.join("pg_hba.conf"), ACCESS).expect("a file in the temporary folder");
}

/// Who runs the server: PostgreSQL refuses to run as root.
#[derive(Debug)]
struct Runner {
    /// The ids of another user and group.
    other: Option<(u32, u32)>,
}

impl Runner {
    fn new() -> Self {
        let other = geteuid().is_root().then(|| {
            let ids = ["postgres", "nobody"].into_iter().find_map(|user| {
                let id = |option| {
                    let output = Command::new("id").args([option, user]).output().ok()?;
                    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
                };
                Some((id("-u")?, id("-g")?))
            });
            ids.expect("a user `postgres` or `nobody`")
        });
        Self { other }
    }

    fn give(&self, folder: &Path) {
        if let Some((user, group)) = self.other {
            chown(folder, Some(user), Some(group)).expect("root may change the owner");
        }
    }

    fn command(&self, program: &Path) -> Command {
        let Some((user, group)) = self.other else {
            return Command::new(program);
        };
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={user}"), format!("--regid={group}")])
            .arg("--clear-groups")
            .arg(program);
        command
    }
}
