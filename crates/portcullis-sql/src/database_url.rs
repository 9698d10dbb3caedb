//! The URLs of databases.

use portcullis_core::ConfigError;

fn invalid(problem: impl Into<std::borrow::Cow<'static, str>>) -> ConfigError {
    ConfigError::new("url", problem)
}

/// The file of `sqlite:path` or `sqlite://path`.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite_path(url: &str) -> Result<std::path::PathBuf, ConfigError> {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains(":memory:") {
        return Err(invalid(
            "give sqlite:// and the path of a file; for keys in memory, use `MemoryStore`",
        ));
    }
    if path.contains(['?', '#', '%']) {
        return Err(invalid(
            "the path of a SQLite file has no parameters and no `?`, `#` or `%`",
        ));
    }
    Ok(path.into())
}

/// The parameters that sqlx knows. It would log others with their values.
#[cfg(feature = "postgres")]
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The name for logs, and the options.
#[cfg(feature = "postgres")]
pub(crate) fn postgres_options(
    url: &str,
    password: Option<&portcullis_core::Secret>,
) -> Result<(String, sqlx::postgres::PgConnectOptions), ConfigError> {
    use sqlx::{ConnectOptions, postgres::PgConnectOptions};

    let form = || invalid("give postgres://user@host:port/database");
    let parsed = url::Url::parse(url).map_err(|_| form())?;
    let unknown = |name: &str| !PARAMETERS.contains(&name) && !name.starts_with("options[");
    if let Some((name, _)) = parsed.query_pairs().find(|(name, _)| unknown(name)) {
        let name = portcullis_core::log::escape(&name);
        return Err(invalid(format!(
            "unknown parameter \"{name}\": leave it out"
        )));
    }
    // The error of a parameter may repeat its value.
    let mut options = PgConnectOptions::from_url(&parsed).map_err(|_| form())?;
    if let Some(password) = password {
        let text = password
            .expose_str()
            .ok_or_else(|| ConfigError::new("password", "use UTF-8"))?;
        options = options.password(text);
    }
    if options.get_application_name().is_none() {
        options = options.application_name("portcullis");
    }
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    let server = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let name = format!("PostgreSQL {server}/{database}");
    Ok((name, options.disable_statement_logging()))
}
