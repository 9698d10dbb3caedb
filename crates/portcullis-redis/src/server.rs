use std::{fmt, time::Duration};

use portcullis_core::{ConfigError, Secret, log::escape_url};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    TlsCertificates, aio::MultiplexedConnection,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Where Redis is, and how to log in.
///
/// TLS verifies the server's certificate. If the process has no default `CryptoProvider` of rustls, the first `rediss://` server
/// installs that of aws-lc-rs; install your own earlier to use another.
#[derive(Clone)]
pub struct RedisServer {
    name: Box<str>,
    info: ConnectionInfo,
    root_certificates: Option<Vec<u8>>,
}

impl RedisServer {
    /// A server at a URL: `rediss://user@host:6379/database` with TLS, or `redis://…` without, for a network that you trust. User,
    /// port and database may be missing.
    ///
    /// # Errors
    ///
    /// When it is not such a URL, or has a password, a query or a fragment.
    pub fn at(url: &str) -> Result<Self, ConfigError> {
        let invalid = |problem: &str| {
            let url = escape_url(url);
            ConfigError::new("url", format!("`{url}`: {problem}"))
        };
        if !(url.starts_with("redis://") || url.starts_with("rediss://")) {
            return Err(invalid("write `rediss://host` or `redis://host`"));
        }
        if url.contains(['?', '#']) {
            return Err(invalid("a query or a fragment is not supported: remove it"));
        }
        let info = url.into_connection_info();
        let info = info.map_err(|_| invalid("write `rediss://user@host:6379/database`"))?;
        if info.redis_settings().password().is_some() {
            return Err(invalid(
                "remove the password from the URL, and set it by `password`",
            ));
        }
        let is_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        if is_tls && CryptoProvider::get_default().is_none() {
            // An error means that another thread was faster.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        Ok(Self {
            name: escape_url(url).into(),
            info,
            root_certificates: None,
        })
    }

    /// Sets the password, of the URL's user or else of the default user.
    ///
    /// # Errors
    ///
    /// When the password is empty or not UTF-8, or ends in white space, such as the line break of a file.
    pub fn password(mut self, password: Secret) -> Result<Self, ConfigError> {
        let invalid = |problem: &'static str| ConfigError::new("password", problem);
        let text = password
            .expose_str()
            .ok_or_else(|| invalid("it is not UTF-8"))?;
        if text.is_empty() || text != text.trim() {
            return Err(invalid(
                "it is empty, or begins or ends with white space: remove that, such as the line break of a file",
            ));
        }
        let settings = self.info.redis_settings().clone();
        self.info = self.info.set_redis_settings(settings.set_password(text));
        Ok(self)
    }

    /// Sets the root certificates of TLS, in PEM; those of the operating system by default.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// The URL without user and password.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn client(&self) -> Result<Client, ConfigError> {
        let client = match &self.root_certificates {
            None => Client::open(self.info.clone()),
            Some(pem) => Client::build_with_tls(
                self.info.clone(),
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem.clone()),
                },
            ),
        };
        client.map_err(|error| {
            let problem = format!("{}: {}", self.name, problem_of(&error));
            ConfigError::new("root_certificates", problem)
        })
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisServer").field(&self.name).finish()
    }
}

/// The longest time that connecting takes, with login and the TLS handshake.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects for commands, each of which may take as long as `response_timeout`.
pub(crate) async fn connect(
    client: &Client,
    response_timeout: Duration,
) -> Result<MultiplexedConnection, String> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(response_timeout));
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.map_err(|error| problem_of(&error))
}

/// What an error of Redis says. A server's error may repeat arguments, so of those only the code is shown.
pub(crate) fn problem_of(error: &redis::RedisError) -> String {
    match (error.code(), error.is_io_error()) {
        (Some(code), false) => format!("Redis answered {}", portcullis_core::log::escape(code)),
        _ => portcullis_core::log::escape(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_of_redis_is_accepted_and_shown_without_user() {
        for (url, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1"),
            ("redis://127.0.0.1:6380/3", "redis://127.0.0.1:6380/3"),
            ("rediss://orders@redis.example", "rediss://redis.example"),
        ] {
            assert_eq!(RedisServer::at(url).expect(url).name(), shown);
        }
    }

    #[test]
    fn other_urls_are_rejected_without_showing_secrets() {
        for url in [
            "",
            "127.0.0.1",
            "http://127.0.0.1",
            "redis://:s3cr3t@127.0.0.1",
            "redis://user:s3cr3t@127.0.0.1",
            "redis://127.0.0.1?password=s3cr3t",
            "rediss://127.0.0.1/#insecure",
            "redis://127.0.0.1/orders",
        ] {
            let error = RedisServer::at(url).expect_err(url);
            assert_eq!(error.setting(), "url");
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let server = RedisServer::at("redis://127.0.0.1").expect("a server");
        let server = server.password(Secret::new("s3cr3t")).expect("a password");
        assert!(!format!("{server:?}").contains("s3cr3t"));
    }

    #[test]
    fn password_with_a_line_break_is_rejected() {
        let server = RedisServer::at("redis://127.0.0.1").expect("a server");
        for bad in ["", "s3cr3t\n"] {
            let error = server.clone().password(Secret::new(bad));
            assert_eq!(error.expect_err("bad").setting(), "password");
        }
    }
}
