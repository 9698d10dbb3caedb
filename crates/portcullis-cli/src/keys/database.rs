//! Stores in a database.

use std::{error::Error, fs, path::Path};

use portcullis_api_key::Peppers;
use portcullis_core::Secret;
use portcullis_sql::{ConnectError, SqlStore};

/// Connects to the database at `url`, which has no password.
pub(super) async fn connect(
    url: &str,
    password: Option<Secret>,
    peppers: Option<Peppers>,
    migrate: bool,
) -> Result<SqlStore, Box<dyn Error>> {
    let mut builder = SqlStore::builder(url).migrate(migrate);
    // A password for another database may be in the environment.
    if let Some(password) = password.filter(|_| sqlite_file(url).is_none()) {
        builder = builder.password(password);
    }
    if let Some(peppers) = peppers {
        builder = builder.peppers(peppers);
    }
    builder.connect().await.map_err(|error| match error {
        ConnectError::Schema(problem) if !migrate => {
            format!("{problem}. `portcullis keys migrate` does that, and so does --migrate").into()
        }
        ConnectError::Config(error) => {
            crate::misuse::misuse(format!("--store: {}", error.problem()))
        }
        error => error.into(),
    })
}

/// Whether `url` names an SQLite database that has nothing in it yet.
pub(super) fn is_new_sqlite(url: &str) -> bool {
    sqlite_file(url).is_some_and(|path| match fs::metadata(path) {
        Ok(found) => found.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    })
}

fn sqlite_file(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
}
