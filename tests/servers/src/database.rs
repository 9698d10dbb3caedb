use std::path::PathBuf;
use std::process::Command;

/// A database of a [`PostgreSql`](crate::PostgreSql) server.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where `psql` and `pg_dump` are.
    pub(crate) programs: PathBuf,
    /// `127.0.0.1:PORT/NAME`
    pub(crate) place: String,
    pub(crate) user: &'static str,
}

impl Database {
    /// Its URL, `postgres://USER@127.0.0.1:PORT/NAME`. The user is the superuser and needs no password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{}@{}", self.user, self.place)
    }

    /// The URL for a superuser who needs the password [`PostgreSql::PASSWORD`](crate::PostgreSql::PASSWORD).
    #[must_use]
    pub fn url_needing_password(&self) -> String {
        format!("postgres://with_password@{}", self.place)
    }

    /// Runs SQL, and returns the rows: a line for each, with `|` between the columns.
    ///
    /// # Panics
    ///
    /// If the SQL fails.
    pub fn execute(&self, sql: &str) -> String {
        self.try_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs SQL, and returns the rows.
    ///
    /// # Errors
    ///
    /// The message of the server.
    pub fn try_execute(&self, sql: &str) -> Result<String, String> {
        let psql = ["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", sql];
        self.run("psql", &psql)
    }

    /// The SQL that creates the database anew, with all its data.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[must_use]
    pub fn dump(&self) -> String {
        self.run("pg_dump", &["--inserts"])
            .unwrap_or_else(|error| panic!("pg_dump: {error}"))
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(self.programs.join(program))
            .args(["--dbname", &self.url()])
            .args(arguments)
            .env("PGCONNECT_TIMEOUT", "10")
            .output()
            .map_err(|error| format!("cannot run {program}: {error}"))?;
        let text = |bytes| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }
}
